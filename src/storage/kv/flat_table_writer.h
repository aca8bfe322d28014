#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor.h"
#include "core/result.h"
#include "storage/kv/flat_table.h"

namespace tenure::storage {

/// Writes a flat table front to back, in pieces of 2 MiB that lie at multiples of 2 MiB: file
/// systems then keep, and map, it in large pages. Holds the index in memory: about 11 bytes an
/// entry. What is not finished is removed. Errors of all functions: kResourceExhausted (disk,
/// memory), kPermissionDenied, kUnavailable.
class FlatTableWriter {
 public:
  /// `entry_max` entries at most will be added.
  static core::Result<FlatTableWriter> make(std::filesystem::path file, std::uint64_t id,
                                            std::uint64_t entry_max);
  FlatTableWriter(FlatTableWriter&&) = default;
  FlatTableWriter& operator=(FlatTableWriter&&) = delete;
  ~FlatTableWriter();

  /// In ascending order of keys.
  core::Result<> add(std::string_view key, std::string_view value);

  /// The file has its name, whole and durable, after this.
  core::Result<> finish() &&;

 private:
  FlatTableWriter(std::filesystem::path file, std::uint64_t id);
  core::Result<> append(std::string_view bytes);
  core::Result<> append_words(const std::vector<std::uint64_t>& words);
  core::Result<> write_out();
  core::Error failed() const;
  std::uint64_t place() const { return written_ + buffer_.size(); }

  std::filesystem::path file_;
  std::filesystem::path unfinished_;
  core::Descriptor descriptor_;
  FlatTableHeader header_;
  std::string buffer_;
  std::uint64_t written_ = 0;
  std::uint64_t block_ = 0;  ///< of the last row in the directory, counted from 1
  std::vector<std::uint64_t> directory_;
  std::vector<std::uint64_t> index_;
};

}  // namespace tenure::storage
