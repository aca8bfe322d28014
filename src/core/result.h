#pragma once

#include <type_traits>
#include <utility>

#include <tl/expected.hpp>

#include "core/error.h"

namespace tenure::core {

/// A value or an Error: tl::expected, with what it lacks: an ignored result is a compiler warning
/// (an error in our builds), and an Error converts without `unexpected`.
///
///   Result<Port> parse_port(std::string_view text);
///   auto port = parse_port(text);
///   if (!port) return std::move(port).error().within("serving.port");
template <typename T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  static_assert(!std::is_same_v<std::remove_cv_t<T>, Error>, "the error is not a value");
  static_assert(!std::is_reference_v<T>, "return a pointer or a copy");

 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;

  Result() requires(std::is_void_v<T> || std::is_default_constructible_v<T>) = default;
  // NOLINTNEXTLINE(google-explicit-constructor): `return Error{…}` is how functions fail
  Result(Error error) : Base(tl::unexpect, std::move(error)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): what and_then and transform give
  Result(Base base) : Base(std::move(base)) {}
};

}  // namespace tenure::core
