#include "core/id.h"

#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <pthread.h>
#include <random>
#include <unistd.h>

#include "core/assert.h"
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

/// One generator a thread, seeded by the system: these ids need to be unique, not secret.
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

/// The two digits of each byte, one after the other.
constexpr std::array<char, 512> kHexPairs = [] {
  std::array<char, 512> pairs{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    pairs[2 * byte] = kHex[byte >> 4];
    pairs[2 * byte + 1] = kHex[byte & 0xF];
  }
  return pairs;
}();

/// Writes the bytes of `word` from the one at `shift` bits down.
char* write_hex(std::uint64_t word, int shift, int bytes, char* out) {
  for (int i = 0; i < bytes; ++i, shift -= 8, out += 2)
    std::memcpy(out, &kHexPairs[2 * ((word >> shift) & 0xFF)], 2);
  return out;
}

void write_uuid(std::uint64_t high, std::uint64_t low, char* out) {
  out = write_hex(high, 56, 4, out);
  *out++ = '-';
  out = write_hex(high, 24, 2, out);
  *out++ = '-';
  out = write_hex(high, 8, 2, out);
  *out++ = '-';
  out = write_hex(low, 56, 2, out);
  *out++ = '-';
  write_hex(low, 40, 6, out);
}

constexpr std::uint64_t kVariantMask = 0x3fff'ffff'ffff'ffffULL;
constexpr std::uint64_t kVariantBits = 0x8000'0000'0000'0000ULL;

}  // namespace

std::string random_hex_id() {
  unsigned char bytes[16];
  // Fails only where the system has no random source at all.
  TENURE_ASSERT(::getentropy(bytes, sizeof bytes) == 0);
  std::string id;
  id.reserve(32);
  for (const unsigned char byte : bytes) {
    id += kHex[byte >> 4];
    id += kHex[byte & 0xF];
  }
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

std::uint64_t id_bits() {
  return thread_random().bits();
}

}  // namespace tenure::core
