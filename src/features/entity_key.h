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

/// What the store keys of one view's rows have in common. A key is the project and a NUL, the
/// entity key, then the view, a NUL, and the fingerprint of the view's definition (u32): all rows
/// of an entity are neighbours, so reading many views costs little more than reading one. Rows of
/// two definitions lie side by side, so a model that reads the old one is served while, and after,
/// the new one is materialized.
struct OnlineKeyParts {
  std::string before;  ///< the entity key
  std::string after;
};

/// Errors: kInvalidArgument when a name contains NUL or both are too long for any key to fit.
core::Result<OnlineKeyParts> online_key_parts(std::string_view project, std::string_view view,
                                              std::uint32_t schema);

/// Longest key every store takes.
inline constexpr std::size_t kOnlineKeyMax = 511;

/// Appends the key of an entity's row. Where that would be longer than a store takes, byte ff and
/// the SHA-256 of the entity key stand for it; returns whether they do: the row then has to hold
/// the entity key, so that a reader can verify it.
bool append_online_key(const OnlineKeyParts& parts, std::string_view entity_key, std::string& out);

}  // namespace tenure::features
