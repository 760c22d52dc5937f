#pragma once
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

#include "json.h"

namespace grus::bench {

// A line of words "command key=value ..." parted by tabs, as bench/worker.mjs writes it.
class Request {
 public:
  explicit Request(const std::string& line) {
    std::istringstream words(line);
    std::getline(words, command_, '\t');
    for (std::string word; std::getline(words, word, '\t');) {
      const size_t equals = word.find('=');
      if (equals != std::string::npos) fields_[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  const std::string& command() const { return command_; }
  const std::string& text(const std::string& name) const {
    const auto found = fields_.find(name);
    if (found == fields_.end()) throw std::invalid_argument("[bench] expected " + name + "=, got no such field");
    return found->second;
  }
  int integer(const std::string& name) const { return std::stoi(text(name)); }
  bool asks_for(const std::string& name) const {   // name=1; without the word it does not
    const auto found = fields_.find(name);
    return found != fields_.end() && found->second == "1";
  }

 private:
  std::string command_;
  std::map<std::string, std::string> fields_;
};

// Answers every line of stdin with a line of JSON on stdout, until stdin ends; what is thrown becomes {"error": ...}.
template <class Answer>
int answer_requests(const Answer& answer) {
  for (std::string line; std::getline(std::cin, line);) {
    std::string text;
    try {
      text = answer(Request(line));
    } catch (const std::exception& error) {
      text = "{\"error\":" + quoted(error.what()) + "}";
    }
    std::cout << text << std::endl;
  }
  return 0;
}

}  // namespace grus::bench
