#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace tenure::core {

/// SHA-256 of bytes that come in pieces. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);

  /// 64 lower-case hexadecimal digits of everything given so far; starts over afterwards.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);

/// Digest and size of a file, read in pieces: constant memory.
/// Errors: as read_file.
struct FileDigest {
  std::string sha256;
  std::uint64_t size = 0;
};
Result<FileDigest> digest_file(const std::filesystem::path& path);

}  // namespace tenure::core
