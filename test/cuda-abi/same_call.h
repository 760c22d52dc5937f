#pragma once
#include <type_traits>

// Whether two function types are called alike: the same number of arguments, each of a type that is passed and read in the same way.
namespace abi {

template <class A, class B> constexpr bool same_type();

// Opaque handles are pointers to classes; our stream is a void pointer.
template <class A> constexpr bool opaque = std::is_class_v<A> || std::is_void_v<A>;

template <class A, class B>
constexpr bool same_pointee() {
  if constexpr (std::is_const_v<A> != std::is_const_v<B>) return false;
  else if constexpr (opaque<std::remove_const_t<A>> && opaque<std::remove_const_t<B>>) return true;
  else return same_type<std::remove_const_t<A>, std::remove_const_t<B>>();
}

template <class A, class B>
constexpr bool same_type() {
  if constexpr (std::is_enum_v<A> && std::is_enum_v<B>) return sizeof(A) == sizeof(B);
  else if constexpr (std::is_pointer_v<A> && std::is_pointer_v<B>) return same_pointee<std::remove_pointer_t<A>, std::remove_pointer_t<B>>();
  else return std::is_same_v<A, B>;
}

template <class A, class B> struct SameCall : std::false_type {};
template <class R1, class... A1, class R2, class... A2>
struct SameCall<R1 (*)(A1...), R2 (*)(A2...)> {
  static constexpr bool value = [] {
    if constexpr (sizeof...(A1) != sizeof...(A2)) return false;
    else return same_type<R1, R2>() && (same_type<A1, A2>() && ...);
  }();
};

static_assert(SameCall<int (*)(float*, const int*), int (*)(float*, const int*)>::value);
static_assert(!SameCall<int (*)(float*, const int*), int (*)(float*, int*)>::value);
static_assert(!SameCall<int (*)(int, long), int (*)(long, int)>::value);
static_assert(!SameCall<int (*)(int), int (*)(int, int)>::value);

}  // namespace abi
