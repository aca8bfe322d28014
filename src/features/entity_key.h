#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "data/table.h"
#include "features/definition.h"

namespace tenure::features {

/// Bytes of an entity key: Feast's entity key serialization, version 3, for one join column.
/// Appends to `out`: u32 1, u32 2, u32 length, name, then u32 type, u32 length, value; all little
/// endian; type 2 is text (UTF-8), type 4 a 64-bit integer.
/// Source: feast-dev/feast, sdk/python/feast/infra/key_encoding_utils.py.
void append_entity_key(std::string_view join_column, std::string_view text, std::string& out);
void append_entity_key(std::string_view join_column, std::int64_t integer, std::string& out);

/// A whole decimal number that fits 64 bits; how ids of integer entities arrive as text.
std::optional<std::int64_t> parse_integer_key(std::string_view text);

/// The part of a store key all rows of a view share: project, NUL, view, NUL, the fingerprint of
/// the view's definition (u32). Rows of two definitions lie side by side, so a model that reads the
/// old one is served while, and after, the new one is materialized. Errors: kInvalidArgument when a
/// name contains NUL or both are too long for any key to fit.
core::Result<std::string> online_key_prefix(std::string_view project, std::string_view view,
                                            std::uint32_t schema);

/// A key of the online store: prefix, then the entity key bytes; where that is longer than a store
/// takes, prefix, byte ff, SHA-256 of the entity key bytes.
struct OnlineKey {
  std::string bytes;
  /// The entity key, when `bytes` only holds its digest: kept in the row to verify it.
  std::string full_key;
};

/// Longest key every store takes.
inline constexpr std::size_t kOnlineKeyMax = 511;

/// The key for prefix and entity key bytes.
OnlineKey make_online_key(std::string_view prefix, std::string_view entity_key);

/// The digest form, appended to `out`; for entity keys that are too long.
void append_hashed_key(std::string_view prefix, std::string_view entity_key, std::string& out);

}  // namespace tenure::features
