#pragma once
#include <string>
#include <typeinfo>
#include <vector>

// Every function and number of the runtime API that the simulation declares, in the words of the header that was included before.
namespace {

std::vector<std::string> api_facts() {
  std::vector<std::string> facts;
#define GRUS_FUNCTION(function) facts.push_back(std::string(#function " ") + typeid(decltype(function)).name());
#define GRUS_NUMBER(number) facts.push_back(#number " " + std::to_string(static_cast<long long>(number)));
#include "abi_names.inc"   // made by CMakeLists.txt
#undef GRUS_FUNCTION
#undef GRUS_NUMBER
  return facts;
}

}  // namespace
