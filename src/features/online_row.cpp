#include "features/online_row.h"

#include <cmath>
#include <utility>

#include <fmt/core.h>

#include "core/assert.h"
#include "features/little_endian.h"

namespace tenure::features {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kHasFullKey = 1;
// version, flags, feature count (u16), schema (u32), event time, created time
constexpr std::size_t kHeaderSize = 24;

enum class Tag : std::uint8_t { kNull, kFalse, kTrue, kInteger, kNumber, kText, kTimestamp };

void append_varint(std::size_t value, std::string& out) {
  while (value >= 0x80) {
    out += static_cast<char>(0x80 | (value & 0x7f));
    value >>= 7;
  }
  out += static_cast<char>(value);
}

/// Reads values one after another; stands at the first byte not read.
struct Cursor {
  std::string_view bytes;
  std::size_t at = 0;

  std::size_t left() const { return bytes.size() - at; }

  bool read_varint(std::size_t& value) {
    value = 0;
    for (unsigned shift = 0; shift <= 28; shift += 7) {
      if (left() == 0) return false;
      const auto byte = static_cast<std::uint8_t>(bytes[at++]);
      value |= static_cast<std::size_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  template <typename T>
  bool read_fixed(T& value) {
    if (left() < sizeof(T)) return false;
    value = read_little_endian<T>(bytes, at);
    at += sizeof(T);
    return true;
  }

  bool read_text(std::string_view& text) {
    std::size_t size = 0;
    if (!read_varint(size) || left() < size) return false;
    text = bytes.substr(at, size);
    at += size;
    return true;
  }
};

bool read_cell(Cursor& cursor, data::Cell& cell) {
  std::uint8_t tag = 0;
  if (!cursor.read_fixed(tag)) return false;
  switch (static_cast<Tag>(tag)) {
    case Tag::kNull:
      cell = data::Cell::null();
      return true;
    case Tag::kFalse:
      cell = data::Cell::of(0.0);
      return true;
    case Tag::kTrue:
      cell = data::Cell::of(1.0);
      return true;
    case Tag::kInteger:
    case Tag::kTimestamp: {
      std::int64_t value = 0;
      if (!cursor.read_fixed(value)) return false;
      cell = data::Cell::of(static_cast<double>(value));
      return true;
    }
    case Tag::kNumber: {
      double value = 0;
      if (!cursor.read_fixed(value)) return false;
      cell = data::Cell::of(value);
      return true;
    }
    case Tag::kText: {
      std::string_view text;
      if (!cursor.read_text(text)) return false;
      cell = data::Cell::of(text);
      return true;
    }
  }
  return false;
}

// Rows of an earlier arrangement of keys count as rows of another definition: the next
// materialization writes them anew.
constexpr std::string_view kLayout = "keys 2";

}  // namespace

std::uint32_t schema_fingerprint(const FeatureView& view) {
  // FNV-1a over texts, each followed by a NUL: see docs/formats/online-store.md.
  std::uint32_t hash = 2'166'136'261U;
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16'777'619U;
    hash *= 16'777'619U;  // the NUL after the text
  };
  mix(kLayout);
  mix(view.source_name);
  mix(view.timestamp_column);
  mix(view.created_column);
  for (const Feature& feature : view.features) {
    mix(feature.name);
    mix(feature.source_column);
    mix(data::column_type_name(feature.type));
  }
  return hash;
}

OnlineRowWriter::OnlineRowWriter(const OnlineRowHeader& header, std::size_t feature_count,
                                 std::string_view full_key)
    : left_(feature_count) {
  TENURE_ASSERT(feature_count <= 0xffff);
  bytes_ += static_cast<char>(kVersion);
  bytes_ += static_cast<char>(full_key.empty() ? 0 : kHasFullKey);
  append_little_endian(static_cast<std::uint16_t>(feature_count), bytes_);
  append_little_endian(header.schema, bytes_);
  append_little_endian(header.event_time, bytes_);
  append_little_endian(header.created_time, bytes_);
  if (!full_key.empty()) {
    append_varint(full_key.size(), bytes_);
    bytes_ += full_key;
  }
}

void OnlineRowWriter::add_null() {
  --left_;
  bytes_ += static_cast<char>(Tag::kNull);
}

void OnlineRowWriter::add_boolean(bool value) {
  --left_;
  bytes_ += static_cast<char>(value ? Tag::kTrue : Tag::kFalse);
}

void OnlineRowWriter::add_integer(std::int64_t value) {
  --left_;
  bytes_ += static_cast<char>(Tag::kInteger);
  append_little_endian(value, bytes_);
}

void OnlineRowWriter::add_number(double value) {
  if (std::isnan(value)) return add_null();
  --left_;
  bytes_ += static_cast<char>(Tag::kNumber);
  append_little_endian(value, bytes_);
}

void OnlineRowWriter::add_text(std::string_view value) {
  --left_;
  bytes_ += static_cast<char>(Tag::kText);
  append_varint(value.size(), bytes_);
  bytes_ += value;
}

void OnlineRowWriter::add_timestamp(core::Micros value) {
  --left_;
  bytes_ += static_cast<char>(Tag::kTimestamp);
  append_little_endian(value, bytes_);
}

std::string OnlineRowWriter::finish() && {
  TENURE_ASSERT(left_ == 0);
  return std::move(bytes_);
}

Result<OnlineRow> OnlineRow::parse(std::string_view bytes) {
  if (bytes.size() < kHeaderSize) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("a row has {} bytes, fewer than its header", bytes.size())};
  }
  const auto version = static_cast<std::uint8_t>(bytes[0]);
  const auto flags = static_cast<std::uint8_t>(bytes[1]);
  if (version != kVersion || (flags & ~kHasFullKey) != 0) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("a row has version {} and flags {}; this program reads version {}",
                             version, flags, kVersion)};
  }
  OnlineRow row;
  row.feature_count_ = read_little_endian<std::uint16_t>(bytes, 2);
  row.header_.schema = read_little_endian<std::uint32_t>(bytes, 4);
  row.header_.event_time = read_little_endian<core::Micros>(bytes, 8);
  row.header_.created_time = read_little_endian<core::Micros>(bytes, 16);
  Cursor cursor{bytes, kHeaderSize};
  if ((flags & kHasFullKey) != 0 && !cursor.read_text(row.full_key_)) {
    return Error{ErrorCode::kCorruption, "a row's entity key is cut off"};
  }
  row.values_ = bytes.substr(cursor.at);
  return row;
}

Result<> OnlineRow::decode(std::span<data::Cell> cells) const {
  TENURE_ASSERT(cells.size() == feature_count_);
  Cursor cursor{values_, 0};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!read_cell(cursor, cells[i])) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("value {} of {} of a row does not decode", i + 1, cells.size())};
    }
  }
  if (cursor.left() != 0) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("{} bytes follow the values of a row", cursor.left())};
  }
  return {};
}

}  // namespace tenure::features
