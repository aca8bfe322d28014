#include "core/id.h"

#include <atomic>
#include <optional>
#include <pthread.h>
#include <random>

#include "core/random.h"

namespace tenure::core {
namespace {

constexpr char kHex[] = "0123456789abcdef";

/// How often this process descends from a fork: a child that went on with its parent's generator
/// would make its parent's ids.
std::atomic<std::uint64_t>& fork_count() {
  static std::atomic<std::uint64_t> count{0};
  return count;
}

/// One generator a thread, seeded by the system: ids need to be unique, not secret.
Random& thread_random() {
  [[maybe_unused]] static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { ++fork_count(); });
  thread_local std::optional<Random> random;
  thread_local std::uint64_t seeded_at = 0;
  const std::uint64_t forks = fork_count().load(std::memory_order_relaxed);
  if (!random || seeded_at != forks) {
    std::random_device device;
    random.emplace((static_cast<std::uint64_t>(device()) << 32) | device());
    seeded_at = forks;
  }
  return *random;
}

void write_uuid(std::uint64_t high, std::uint64_t low, char* out) {
  int written = 0;
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) out[written++] = '-';
    const std::uint64_t word = nibble < 16 ? high : low;
    out[written++] = kHex[(word >> (60 - 4 * (nibble % 16))) & 0xF];
  }
}

constexpr std::uint64_t kVariantMask = 0x3fff'ffff'ffff'ffffULL;
constexpr std::uint64_t kVariantBits = 0x8000'0000'0000'0000ULL;

}  // namespace

std::string random_hex_id() {
  std::string id(32, '0');
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint64_t word = thread_random().bits();
    for (std::size_t i = 0; i < 16; ++i) id[half * 16 + i] = kHex[(word >> (4 * i)) & 0xF];
  }
  return id;
}

std::string uuid_v4() {
  std::string id(36, '0');
  const std::uint64_t high = (thread_random().bits() & ~0xF000ULL) | 0x4000ULL;
  write_uuid(high, (thread_random().bits() & kVariantMask) | kVariantBits, id.data());
  return id;
}

void uuid_v7(Micros now, char* out) {
  const auto millis = static_cast<std::uint64_t>(now / 1000);
  const std::uint64_t high = (millis << 16) | 0x7000ULL | (thread_random().bits() & 0xFFFULL);
  write_uuid(high, (thread_random().bits() & kVariantMask) | kVariantBits, out);
}

std::string uuid_v7(Micros now) {
  std::string id(36, '0');
  uuid_v7(now, id.data());
  return id;
}

}  // namespace tenure::core
