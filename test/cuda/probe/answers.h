#pragma once
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

// What the probe prints: one JSON object a line, {"point", "question", "answer"}.
namespace probe {

class Json {
 public:
  Json(const char* text) : Json(std::string(text)) {}
  Json(const std::string& text) : text_("\"") {
    for (const char c : text) {
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    text_ += '"';
  }
  Json(bool value) : text_(value ? "true" : "false") {}
  Json(int value) : text_(std::to_string(value)) {}
  Json(size_t value) : text_(std::to_string(value)) {}
  Json(double value) {   // JSON has no NaN
    char digits[32];
    std::snprintf(digits, sizeof digits, std::isfinite(value) ? "%.3g" : "\"%g\"", value);
    text_ = digits;
  }
  Json(const std::vector<Json>& list) : text_("[") {
    for (const Json& item : list) text_ += (text_.size() > 1 ? ", " : "") + item.text_;
    text_ += "]";
  }
  Json(std::initializer_list<std::pair<const char*, Json>> members) : text_("{}") {
    for (const auto& member : members) add(member.first, member.second);
  }

  Json& add(const std::string& name, const Json& value) {   // to an object
    text_.pop_back();
    text_ += (text_.size() > 1 ? ", " : "") + Json(name).text_ + ": " + value.text_ + "}";
    return *this;
  }
  const std::string& text() const { return text_; }

  static Json object() { return Json(std::initializer_list<std::pair<const char*, Json>>{}); }

 private:
  std::string text_;
};

inline void answer(const char* point, const std::string& question, const Json& value) {
  std::printf("{\"point\": \"%s\", \"question\": %s, \"answer\": %s}\n", point, Json(question).text().c_str(), value.text().c_str());
  std::fflush(stdout);
}

// What is being tried, for the parent process to tell should this one die of it.
void trying(const std::string& what);

// The larger shapes of the questions, which a simulated GPU would take long over: GRUS_TEST_SIZES=full.
bool full_sizes();

}  // namespace probe
