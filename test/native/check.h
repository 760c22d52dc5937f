#pragma once
#include <cmath>
#include <cstdio>

// The larger of two errors; a NaN among them stays one through all that follow.
inline double worse(double a, double b) { return std::isnan(a) || a > b ? a : b; }

// The exit status of a program that found nothing here to test, no GPU for example: no success to whoever looks at nothing else.
constexpr int kNothingTested = 77;

// A test program is a main() that makes checks and ends with `return checks().report();`. A failed check prints and the program goes on.
class Checks {
 public:
  bool check(bool good, const char* text, const char* file, int line) {
    ++(good ? passed_ : failed_);
    if (!good && failed_ <= 40) std::printf("FAILED %s:%d: %s\n", file, line, text);
    return good;
  }

  // |got - expected| <= tolerance; NaN agrees with nothing.
  bool close(double got, double expected, double tolerance, const char* text, const char* file, int line) {
    const bool good = std::fabs(got - expected) <= tolerance || got == expected;
    if (!check(good, text, file, line) && failed_ <= 40)
      std::printf("  got %.9g, expected %.9g, tolerance %.3g\n", got, expected, tolerance);
    return good;
  }

  int report() const {
    std::printf("%d passed, %d failed\n", passed_, failed_);
    return failed_ == 0 && passed_ > 0 ? 0 : 1;
  }

 private:
  int passed_ = 0, failed_ = 0;
};

inline Checks& checks() {
  static Checks all;
  return all;
}

#define CHECK(condition) checks().check((condition), #condition, __FILE__, __LINE__)
#define CHECK_CLOSE(got, expected, tolerance) checks().close((got), (expected), (tolerance), #got, __FILE__, __LINE__)
