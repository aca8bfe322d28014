#include "data/source.h"

#include <cerrno>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/file.h"
#include "core/id.h"
#include "data/column_name.h"
#include "data/parquet_file.h"

namespace tenure::data {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

Error invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

/// Type of a Parquet column by DuckDB's name of it. All others (texts, lists, ...) are read as
/// text.
std::optional<ColumnType> column_type_of(std::string_view name) {
  static const std::set<std::string_view> kIntegers = {
      "TINYINT",   "SMALLINT", "INTEGER", "BIGINT",  "UTINYINT",
      "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT"};
  if (name.ends_with("[]")) return std::nullopt;
  if (name == "BOOLEAN") return ColumnType::kBoolean;
  if (kIntegers.count(name) > 0) return ColumnType::kInteger;
  if (name == "FLOAT" || name == "DOUBLE" || name.starts_with("DECIMAL"))
    return ColumnType::kNumber;
  if (name == "DATE" || name.starts_with("TIMESTAMP")) return ColumnType::kTimestamp;
  return std::nullopt;
}

/// A float of 32 bits is the decimal that it is printed as; a decimal, one that a double may miss.
bool is_native_type(std::string_view name) {
  static const std::set<std::string_view> kNative = {"BOOLEAN",   "TINYINT",  "SMALLINT",
                                                     "INTEGER",   "BIGINT",   "UTINYINT",
                                                     "USMALLINT", "UINTEGER", "DOUBLE"};
  return kNative.count(name) > 0;
}

}  // namespace

Source::Source(Engine& engine, std::filesystem::path path)
    : engine_(&engine),
      path_(std::move(path)),
      view_("tenure_" + core::random_hex_id().substr(0, 12)) {}

Source::Source(Source&& other) noexcept
    : engine_(std::exchange(other.engine_, nullptr)),
      path_(std::move(other.path_)),
      is_csv_(other.is_csv_),
      is_strict_(other.is_strict_),
      head_(std::move(other.head_)),
      view_(std::move(other.view_)),
      columns_(std::move(other.columns_)),
      temporaries_(std::move(other.temporaries_)) {}

Source::~Source() {
  if (engine_ == nullptr) return;
  // Nothing useful could be done about a failure here; the names are never used again.
  for (const std::string& table : temporaries_)
    static_cast<void>(engine_->execute("DROP TABLE IF EXISTS " + table));
  static_cast<void>(engine_->execute("DROP VIEW IF EXISTS " + view_));
}

Result<Source> Source::open(Engine& engine, const std::filesystem::path& path,
                            std::string_view format, char delimiter) {
  std::error_code status;
  if (std::filesystem::is_directory(path, status))
    return invalid(fmt::format("{} is a folder; expected a CSV or Parquet file", path.string()));
  if (!std::filesystem::exists(path, status))
    return core::system_error(ENOENT, "cannot open", path);
  Source source(engine, path);
  source.is_csv_ = format == "csv" || (format != "parquet" && !is_parquet_file(path));
  auto opened = source.is_csv_ ? source.open_csv(delimiter) : source.open_parquet();
  if (!opened) return std::move(opened).error();
  return source;
}

Result<> Source::make_csv_view(bool is_strict) {
  is_strict_ = is_strict;
  std::string columns;
  for (std::size_t i = 0; i < head_.names.size(); ++i)
    columns += fmt::format("{}'c{}': 'VARCHAR'", i == 0 ? "" : ", ", i);
  // Everything that DuckDB could guess is given, so that the same bytes are always the same table.
  // It would take an empty first line for the header.
  return engine_->execute(fmt::format(
      "CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM read_csv({}, auto_detect = false, "
      "delim = {}, quote = '\"', escape = '\"', comment = '', header = true, skip = {}, "
      "compression = 'none', strict_mode = {}, columns = {{{}}})",
      view_, quote_path(path_), quote_text(std::string(1, head_.delimiter)), head_.line - 1,
      is_strict, columns));
}

Result<> Source::open_csv(char delimiter) {
  auto head = read_csv_head(path_, delimiter);
  if (!head) return std::move(head).error();
  head_ = std::move(*head);
  for (std::size_t i = 0; i < head_.names.size(); ++i)
    columns_.push_back({.name = head_.names[i], .expression = fmt::format("c{}", i), .type = {}});
  return make_csv_view(true);
}

Result<> Source::open_parquet() {
  auto made = engine_->execute(
      fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM read_parquet({})", view_,
                  quote_path(path_)));
  if (!made) return made;
  auto described =
      engine_->query(fmt::format("SELECT column_name, column_type FROM (DESCRIBE {})", view_));
  if (!described) return std::move(described).error();
  for (std::size_t i = 0; i < described->row_count(); ++i) {
    const std::string name(described->columns[0].text(i));
    const std::string_view type_name = described->columns[1].text(i);
    const auto type = column_type_of(type_name);
    const std::string quoted = quote_identifier(name);
    columns_.push_back({.name = std::string(without_blanks(name)),
                        .expression = type ? quoted : fmt::format("CAST({} AS VARCHAR)", quoted),
                        .type = type,
                        .is_native = is_native_type(type_name)});
  }
  std::set<std::string> seen;
  for (const SourceColumn& column : columns_)
    if (!seen.insert(lower_case(column.name)).second)
      return invalid(
          fmt::format("{}: two columns are named '{}' (upper and lower case and blanks "
                      "around a name do not count); rename one",
                      path_.string(), column.name));
  return {};
}

std::vector<std::string> Source::names() const {
  std::vector<std::string> names;
  for (const SourceColumn& column : columns_) names.push_back(column.name);
  return names;
}

std::string Source::temporary_name(std::string_view suffix) {
  return temporaries_.emplace_back(fmt::format("{}_{}", view_, suffix));
}

Result<> Source::execute(std::string_view sql) {
  auto done = engine_->execute(sql);
  if (done || !is_csv_) return done;
  // Some malformed files meet an assertion of the engine (text that is not UTF-8 in a short line).
  const ErrorCode code = done.error().code;
  if (code != ErrorCode::kInvalidArgument && code != ErrorCode::kInternal) return done;
  auto fault = find_csv_fault(path_, head_);
  if (!fault) return std::move(fault).error();
  if (fault->has_value()) return invalid(fmt::format("{}: {}", path_.string(), **fault));
  if (code == ErrorCode::kInternal) return done;
  // Every record is well formed, so it is only the strict mode that minds: it refuses a mixture of
  // line ends, for example.
  if (auto relaxed = make_csv_view(false); !relaxed) return relaxed;
  done = engine_->execute(sql);
  if (!done) return std::move(done).error().within(path_.string());
  return {};
}

std::string Source::place_of(std::int64_t row) const {
  if (is_csv_)
    if (const auto line = line_of_row(path_, head_.delimiter, static_cast<std::uint64_t>(row)))
      return fmt::format("{}:{}", path_.string(), *line);
  return fmt::format("{}, row {}", path_.string(), row + 1);
}

}  // namespace tenure::data
