#pragma once

#include <cstdint>
#include <filesystem>
#include <lmdb.h>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace tenure::storage {

// How entries lie in LMDB: docs/formats/flat-table.md. While the store has a flat table, each value
// begins with a byte that says whether it is one or hides the table's; without, values are plain.

/// The entry that names the store's flat table; no key of the store's users.
inline constexpr std::string_view kFlatTableKey("\0tenure flat table", 18);

inline constexpr char kHidden = 0;   ///< the key was erased
inline constexpr char kWritten = 1;  ///< the value follows

inline MDB_val to_mdb(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // LMDB does not write through it
}

inline std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

inline std::filesystem::path flat_table_path(const std::filesystem::path& folder,
                                             std::uint64_t id) {
  return folder / fmt::format("rows-{}.flat", id);
}

/// The value that LMDB holds for a key: nothing when the key was erased.
inline std::optional<std::string_view> value_of(std::string_view stored, bool has_table) {
  if (!has_table) return stored;
  if (stored.empty() || stored.front() == kHidden) return std::nullopt;
  return stored.substr(1);
}

}  // namespace tenure::storage
