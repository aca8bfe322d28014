#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::core {

/// SHA-256, a piece at a time. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  std::string hex();  ///< 64 lower-case digits; ends the computation

 private:
  struct State;
  std::unique_ptr<State> state_;
};

using Sha256Digest = std::array<unsigned char, 32>;

/// Digest of some bytes. Takes no lock, and no memory after the first call of a thread.
Sha256Digest sha256(std::string_view bytes);

/// 64 lower-case hexadecimal digits, and back; nothing when `text` is not that.
std::string to_hex(const Sha256Digest& digest);
std::optional<Sha256Digest> digest_of_hex(std::string_view text);

/// Compares in a time that does not depend on where the two differ.
bool are_equal_in_constant_time(const Sha256Digest& a, const Sha256Digest& b);

/// Digest of some bytes, as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

/// Digest of a file of any size. Errors: as read_file.
Result<std::string> sha256_file(const std::filesystem::path& path);

}  // namespace tenure::core
