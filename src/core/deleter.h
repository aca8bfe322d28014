#pragma once

namespace tenure::core {

/// Has a std::unique_ptr free an object of a C library by its function, which takes the pointer:
/// `std::unique_ptr<BIGNUM, core::Deleter<BN_free>>`.
template <auto free_function>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};

}  // namespace tenure::core
