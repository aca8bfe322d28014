#include "features/online_writer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include <fmt/core.h>

#include "features/entity_key.h"
#include "features/online_row.h"
#include "features/online_store.h"

namespace tenure::features {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;
using data::ColumnType;

constexpr std::size_t kBatchRows = 20'000;
// Integers beyond this have no exact double, so a double beyond it is no exact integer.
constexpr double kExactIntegerMax = 9'007'199'254'740'992.0;

/// A row ready to be stored.
struct PendingRow {
  std::string key;
  std::string full_key;  ///< the entity key, when `key` only holds its digest
  OnlineRowHeader header;
  std::size_t row = 0;
};

bool is_newer(const OnlineRowHeader& a, const OnlineRowHeader& b) {
  if (a.event_time != b.event_time) return a.event_time > b.event_time;
  return a.created_time > b.created_time;
}

std::int64_t integer_at(const data::Column& column, std::size_t row) {
  return std::get<std::vector<std::int64_t>>(column.values)[row];
}

bool is_exact_integer(double value) {
  return std::abs(value) <= kExactIntegerMax && value == std::trunc(value);
}

/// Turns the rows of a table into keys and row bytes of one view.
class RowEncoder {
 public:
  RowEncoder(const FeatureView& view, const Entity& entity, OnlineKeyParts key_parts,
             const OnlineColumns& columns)
      : view_(view),
        entity_(entity),
        key_parts_(std::move(key_parts)),
        columns_(columns),
        schema_(schema_fingerprint(view)) {}

  std::size_t feature_count() const { return view_.features.size(); }
  Result<> check_columns() const;
  Result<PendingRow> prepare(std::size_t row) const;
  Result<std::string> encode(const PendingRow& pending) const;

 private:
  Error bad_value(std::size_t row, const data::Column& column, std::string_view expected) const {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("feature view {}: row {}, column '{}': '{}' is not {}", view_.name,
                             row + 1, column.name, column.display(row), expected)};
  }
  Result<> add_value(const Feature& feature, const data::Column& column, std::size_t row,
                     OnlineRowWriter& writer) const;

  const FeatureView& view_;
  const Entity& entity_;
  OnlineKeyParts key_parts_;
  const OnlineColumns& columns_;
  std::uint32_t schema_;
};

Result<> RowEncoder::check_columns() const {
  const auto fail = [&](const data::Column& column, std::string_view expected) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("feature view {}: column '{}' holds type {}, but must hold {}", view_.name,
                    column.name, data::column_type_name(column.type), expected)};
  };
  const ColumnType key = columns_.key->type;
  if (key != ColumnType::kText && key != ColumnType::kInteger && key != ColumnType::kNumber) {
    return fail(*columns_.key, "keys: text or integer");
  }
  if (columns_.time->type != ColumnType::kTimestamp) return fail(*columns_.time, "timestamp");
  if (columns_.created != nullptr && columns_.created->type != ColumnType::kTimestamp) {
    return fail(*columns_.created, "timestamp");
  }
  for (std::size_t i = 0; i < view_.features.size(); ++i) {
    const ColumnType wanted = view_.features[i].type;
    const ColumnType given = columns_.features[i]->type;
    const bool is_wanted_time = wanted == ColumnType::kTimestamp;
    const bool is_given_time = given == ColumnType::kTimestamp;
    const bool is_text_to_other = given == ColumnType::kText && wanted != ColumnType::kText;
    if (is_text_to_other || (is_wanted_time != is_given_time && wanted != ColumnType::kText)) {
      return fail(*columns_.features[i], data::column_type_name(wanted));
    }
  }
  return {};
}

Result<PendingRow> RowEncoder::prepare(std::size_t row) const {
  const data::Column& key = *columns_.key;
  const auto fail = [&](std::string_view what) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("feature view {}: row {} has no {}", view_.name, row + 1, what)};
  };
  if (key.is_null(row)) return fail("key in column '" + key.name + "'");
  if (columns_.time->is_null(row)) return fail("time in column '" + columns_.time->name + "'");
  std::string bytes;
  if (entity_.key_type == ColumnType::kText) {
    if (key.type == ColumnType::kText) {
      append_entity_key(entity_.key, key.text(row), bytes);
    } else {
      append_entity_key(entity_.key, key.display(row), bytes);
    }
  } else {
    std::optional<std::int64_t> integer;
    if (key.type == ColumnType::kInteger) integer = integer_at(key, row);
    if (key.type == ColumnType::kText) integer = parse_integer_key(key.text(row));
    if (key.type == ColumnType::kNumber && is_exact_integer(key.number(row))) {
      integer = static_cast<std::int64_t>(key.number(row));
    }
    if (!integer) return bad_value(row, key, "an integer");
    append_entity_key(entity_.key, *integer, bytes);
  }
  PendingRow pending;
  if (append_online_key(key_parts_, bytes, pending.key)) pending.full_key = std::move(bytes);
  pending.row = row;
  pending.header.schema = schema_;
  pending.header.event_time = integer_at(*columns_.time, row);
  if (columns_.created != nullptr && !columns_.created->is_null(row)) {
    pending.header.created_time = integer_at(*columns_.created, row);
  }
  return pending;
}

Result<> RowEncoder::add_value(const Feature& feature, const data::Column& column, std::size_t row,
                               OnlineRowWriter& writer) const {
  if (column.is_null(row)) {
    writer.add_null();
    return {};
  }
  switch (feature.type) {
    case ColumnType::kNumber:
      writer.add_number(column.number(row));
      return {};
    case ColumnType::kText:
      if (column.type == ColumnType::kText) {
        writer.add_text(column.text(row));
      } else {
        writer.add_text(column.display(row));
      }
      return {};
    case ColumnType::kTimestamp:
      writer.add_timestamp(integer_at(column, row));
      return {};
    case ColumnType::kInteger:
      if (column.type == ColumnType::kInteger) {
        writer.add_integer(integer_at(column, row));
        return {};
      }
      if (std::isnan(column.number(row))) {
        writer.add_null();
        return {};
      }
      if (!is_exact_integer(column.number(row))) return bad_value(row, column, "an integer");
      writer.add_integer(static_cast<std::int64_t>(column.number(row)));
      return {};
    case ColumnType::kBoolean: {
      const double value = column.number(row);
      if (value != 0 && value != 1) return bad_value(row, column, "true or false");
      writer.add_boolean(value == 1);
      return {};
    }
  }
  return {};
}

Result<std::string> RowEncoder::encode(const PendingRow& pending) const {
  OnlineRowWriter writer(pending.header, view_.features.size(), pending.full_key);
  for (std::size_t i = 0; i < view_.features.size(); ++i) {
    auto added = add_value(view_.features[i], *columns_.features[i], pending.row, writer);
    if (!added) return std::move(added).error();
  }
  return std::move(writer).finish();
}

// One row a key, the newest; of equally new ones the last. In key order, which suits the store.
void keep_newest(std::vector<PendingRow>& rows) {
  std::sort(rows.begin(), rows.end(), [](const PendingRow& a, const PendingRow& b) {
    if (const int order = a.key.compare(b.key); order != 0) return order < 0;
    if (is_newer(a.header, b.header)) return true;
    if (is_newer(b.header, a.header)) return false;
    return a.row > b.row;
  });
  const auto end = std::unique(rows.begin(), rows.end(),
                               [](const auto& a, const auto& b) { return a.key == b.key; });
  rows.erase(end, rows.end());
}

/// A row encoded, beside what decides whether it replaces another.
struct Candidate {
  const OnlineRowHeader& header;
  std::string_view bytes;
  std::size_t feature_count;
  EqualRows equal_rows;
};

// Whether a stored row stays: it is as new, and of use. What does not decode, or was written under
// another definition, is of none.
bool is_kept(std::string_view bytes, const Candidate& row) {
  const auto stored = OnlineRow::parse(bytes);
  if (!stored || stored->header().schema != row.header.schema) return false;
  if (is_newer(row.header, stored->header()) || stored->feature_count() != row.feature_count) {
    return false;
  }
  if (row.equal_rows == EqualRows::kReplace && !is_newer(stored->header(), row.header)) {
    return bytes == row.bytes;
  }
  std::vector<data::Cell> cells(row.feature_count);
  return stored->decode(cells).has_value();
}

Result<std::int64_t> write_batch(storage::KvStore& store, const RowEncoder& encoder,
                                 std::size_t begin, std::size_t end, EqualRows equal_rows) {
  std::vector<PendingRow> rows;
  rows.reserve(end - begin);
  for (std::size_t row = begin; row < end; ++row) {
    auto pending = encoder.prepare(row);
    if (!pending) return std::move(pending).error();
    rows.push_back(std::move(*pending));
  }
  keep_newest(rows);
  std::vector<std::string_view> keys;
  std::vector<std::string> values;
  for (const PendingRow& row : rows) {
    auto value = encoder.encode(row);
    if (!value) return std::move(value).error();
    keys.push_back(row.key);
    values.push_back(std::move(*value));
  }
  // A store may ask again about all keys when it has to grow, so decisions are kept per key.
  std::vector<std::uint8_t> is_written(rows.size(), 0);
  const std::size_t feature_count = encoder.feature_count();
  auto updated = store.update(
      keys, [&](std::size_t i, std::optional<std::string_view> old) -> std::optional<std::string> {
        is_written[i] = 1;
        if (old && is_kept(*old, {rows[i].header, values[i], feature_count, equal_rows}))
          is_written[i] = 0;
        if (is_written[i] == 0) return std::nullopt;
        return values[i];
      });
  if (!updated) return std::move(updated).error();
  return std::accumulate(is_written.begin(), is_written.end(), std::int64_t{0});
}

}  // namespace

Result<std::int64_t> write_online_columns(storage::KvStore& store, const Definitions& definitions,
                                          const FeatureView& view, const OnlineColumns& columns,
                                          EqualRows equal_rows) {
  auto parts = online_key_parts(definitions.project, view.name, schema_fingerprint(view));
  if (!parts) return std::move(parts).error();
  const RowEncoder encoder(view, definitions.entity_of(view), std::move(*parts), columns);
  if (auto checked = encoder.check_columns(); !checked) return std::move(checked).error();
  std::int64_t written = 0;
  for (std::size_t begin = 0; begin < columns.key->size(); begin += kBatchRows) {
    auto batch = write_batch(store, encoder, begin,
                             std::min(begin + kBatchRows, columns.key->size()), equal_rows);
    if (!batch) return std::move(batch).error();
    written += *batch;
  }
  return written;
}

Result<std::int64_t> write_online(storage::KvStore& store, const Definitions& definitions,
                                  const FeatureView& view, const data::Table& rows) {
  OnlineColumns columns;
  const auto find = [&](const std::string& name) -> Result<const data::Column*> {
    auto column = rows.column(name);
    if (column) return *column;
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("feature view {}: {}", view.name, column.error().message)};
  };
  auto key = find(definitions.entity_of(view).key);
  if (!key) return std::move(key).error();
  columns.key = *key;
  auto time = find(view.timestamp_column);
  if (!time) return std::move(time).error();
  columns.time = *time;
  if (!view.created_column.empty()) columns.created = rows.find(view.created_column);
  for (const Feature& feature : view.features) {
    auto column = find(feature.name);
    if (!column) return std::move(column).error();
    columns.features.push_back(*column);
  }
  return write_online_columns(store, definitions, view, columns, EqualRows::kKeep);
}

}  // namespace tenure::features
