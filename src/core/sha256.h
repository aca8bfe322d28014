#pragma once

#include <filesystem>
#include <memory>
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

/// Digest of some bytes, as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

/// Digest of a file of any size. Errors: as read_file.
Result<std::string> sha256_file(const std::filesystem::path& path);

}  // namespace tenure::core
