#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

/// Counts every allocation of a test program, in all its threads. Replaces the global operators
/// new and delete, so exactly one file of a program includes this.
namespace tenure::core::testing {

inline std::atomic<std::size_t> counted_allocations{0};  // NOLINT: what the operators count in

inline std::size_t allocation_count() {
  return counted_allocations.load(std::memory_order_relaxed);
}

}  // namespace tenure::core::testing

// NOLINTBEGIN(cppcoreguidelines-owning-memory,misc-definitions-in-headers): these are the operators
// that own. Not inlined: GCC 12 would take malloc and free for a mismatched pair.
[[gnu::noinline]] void* operator new(std::size_t size) {
  tenure::core::testing::counted_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
// std::stable_sort's buffers come from here, and go back to the operator delete below.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  tenure::core::testing::counted_allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}
// NOLINTEND(cppcoreguidelines-owning-memory,misc-definitions-in-headers)
