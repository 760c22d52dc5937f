#pragma once
#include <napi.h>

#include "../description.h"
#include "../engine_options.h"

namespace grus {

// lib/native.ts -> native/description.h, every field checked. where: the class or method that was called.
ModelDescription read_model(const Napi::Value& value, const char* where);
GruDescription read_gru(const Napi::Value& value, const char* where);
TrainingDescription read_training(const Napi::Value& value, const char* where);

EngineOptions read_engine_options(const Napi::Value& value, const char* where);

}  // namespace grus
