#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "storage/kv/kv_store.h"

namespace tenure::storage {

/// Where the parts of a flat table lie in its file: docs/formats/flat-table.md. All in bytes from
/// the beginning of the file, save the counts.
struct FlatTableHeader {
  std::uint64_t id = 0;
  std::uint64_t entry_count = 0;
  std::uint64_t rows_end = 0;         ///< rows begin at FlatTable::kRowsBegin
  std::uint64_t directory_begin = 0;  ///< u64 each: the first row of every block of rows
  std::uint64_t directory_count = 0;
  std::uint64_t index_begin = 0;  ///< u64 each: open addressing by the hash of a key
  std::uint64_t index_count = 0;
};

/// An immutable file of entries in key order with a hash index over them, mapped into memory: any
/// entry is one read of the index and one of the entry away, however many there are.
/// Thread-safe. Damage is reported, never followed out of the file.
class FlatTable {
 public:
  static constexpr std::uint64_t kRowsBegin = 4096;
  static constexpr std::uint64_t kAlignment = 8;         ///< of every row
  static constexpr std::uint64_t kRowHeader = 8;         ///< key size u32, value size u32
  static constexpr std::uint64_t kBlockBytes = 1 << 16;  ///< the directory has one row of each

  struct Row {
    std::string_view key;
    std::string_view value;
    std::uint64_t next = 0;  ///< where the following row begins; end() after the last
  };
  enum class Answer : std::uint8_t { kFound, kUnknown, kDamaged };

  /// Errors: kNotFound, kPermissionDenied, kCorruption when the file is no whole table.
  static core::Result<std::shared_ptr<const FlatTable>> open(const std::filesystem::path& file);
  explicit FlatTable(std::filesystem::path file) : file_(std::move(file)) {}
  ~FlatTable();
  FlatTable(const FlatTable&) = delete;
  FlatTable& operator=(const FlatTable&) = delete;

  std::uint64_t id() const { return header_.id; }
  std::uint64_t entry_count() const { return header_.entry_count; }
  std::uint64_t bytes() const { return bytes_.size(); }
  std::uint64_t begin() const { return kRowsBegin; }
  std::uint64_t end() const { return header_.rows_end; }

  Answer find(std::string_view key, Row& row) const;

  /// The row that begins at `offset`; kUnknown at the end.
  Answer read(std::uint64_t offset, Row& row) const;

  /// The first row whose key is not below `key`; kUnknown when there is none.
  Answer lower_bound(std::string_view key, Row& row) const;

  core::Error damaged() const;

  /// The bytes worth having in memory before they are asked for: all, or, when that is more than
  /// half of the machine's memory, the index alone. Whole pages.
  std::span<const char> warm_bytes() const;

  /// The hash of the format.
  static std::uint64_t hash(std::string_view key);

  /// A slot holds the row's offset in units of kAlignment and some bits of the key's hash.
  static std::uint64_t slot(std::uint64_t hash, std::uint64_t offset) {
    return (hash << kOffsetBits) | (offset / kAlignment);
  }
  static std::uint64_t first_slot(std::uint64_t hash, std::uint64_t slot_count) {
    return ((hash >> 32) * slot_count) >> 32;  // slot_count < 2^32
  }
  static constexpr unsigned kOffsetBits = 40;

 private:
  core::Result<> map();
  std::uint64_t word(std::uint64_t offset) const;

  std::filesystem::path file_;
  FlatTableHeader header_;
  std::string_view bytes_;  ///< the mapping, which this object owns
};

/// The first 4096 bytes of a table, and back. Errors: kCorruption.
std::string encode_flat_header(const FlatTableHeader& header);
core::Result<FlatTableHeader> decode_flat_header(std::string_view bytes, std::uint64_t file_bytes);

}  // namespace tenure::storage
