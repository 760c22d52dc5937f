#pragma once
#include "network.h"

// The questions: the open points of the notes on cuDNN that the engine rests on. Each group runs in a process of its own.
namespace probe {

void weights(Context&);
void empty_rows(Context&);
void padding(Context&);
void alignment(Context&);
void long_sequences(Context&);
void order_of_calls(Context&);
void refusals(Context&);
void standard_numbers(Context&);
void small_h_numbers(Context&);
void persist_static_numbers(Context&);
void persist_dynamic_numbers(Context&);
void small_h_limits(Context&);
void sizes(Context&);
void repeats(Context&);
void capture_cold(Context&);
void capture_warm(Context&);
void graphs(Context&);
void capture_beside_frees(Context&);
void mapped(Context&);
void speed(Context&);

}  // namespace probe
