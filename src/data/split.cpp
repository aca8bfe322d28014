#include "data/split.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

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

/// A number for a text that is the same on every machine, in every release and with any number of
/// threads, which DuckDB's own hash() does not promise.
std::string hash_sql(std::uint64_t seed, std::string_view text) {
  return fmt::format("md5_number_lower('{}:' || {})", seed, text);
}

/// The labelled rows as a table of the engine that goes with this object:
/// row (from 0, source order), id_text, moment, label, h (hash of seed and id), grp (text).
class Frame {
 public:
  Frame(Engine& engine, const Dataset& dataset, const SplitSpec& spec)
      : engine_(engine),
        dataset_(dataset),
        spec_(spec),
        name_("tenure_" + core::random_hex_id().substr(0, 12) + "_split") {}
  ~Frame() { static_cast<void>(engine_.execute("DROP TABLE IF EXISTS " + name_)); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  Result<> read();
  /// A condition that holds for the rows to be held out.
  Result<std::string> test_sql();
  Result<SplitCounts> count(const std::string& test) const;
  std::string output_sql(const std::string& test) const;

 private:
  std::int64_t wanted(std::int64_t rows) const {
    return std::llround(static_cast<double>(rows) * spec_.test_share);
  }
  Result<std::string> latest_sql() const;
  Result<std::string> groups_sql() const;

  Engine& engine_;
  const Dataset& dataset_;
  const SplitSpec& spec_;
  std::string name_;
  std::int64_t rows_ = 0;
  std::int64_t positives_ = 0;
};

Result<> Frame::read() {
  const std::string id = quote_identifier(dataset_.id_column);
  const std::string group = spec_.method == "group" ? quote_identifier(spec_.group_column) : "NULL";
  // A row whose group is unknown is a group of its own, named so that no other has the name.
  auto made = engine_.execute(fmt::format(
      "CREATE OR REPLACE TEMP TABLE {name} AS SELECT file_row_number AS row, id_text, moment, "
      "label, "
      "{hash} AS h, coalesce(grp, chr(1) || id_text) AS grp FROM (SELECT file_row_number, "
      "CAST({id} AS VARCHAR) AS id_text, event_timestamp AS moment, label, "
      "CAST({group} AS VARCHAR) AS grp FROM read_parquet({file}, file_row_number = true)) "
      "WHERE label IS NOT NULL",
      fmt::arg("name", name_), fmt::arg("hash", hash_sql(spec_.seed, "id_text")),
      fmt::arg("id", id), fmt::arg("group", group),
      fmt::arg("file", quote_path(dataset_.parquet))));
  if (!made) return made;
  auto counts =
      engine_.query(fmt::format("SELECT count(*), coalesce(sum(label), 0)::BIGINT FROM {}", name_));
  if (!counts) return std::move(counts).error();
  rows_ = static_cast<std::int64_t>(counts->columns[0].number(0));
  positives_ = static_cast<std::int64_t>(counts->columns[1].number(0));
  return {};
}

/// Of all times, the one from which on nearest to the wanted number of rows are held out. The first
/// time is never among them, so that there is something to learn from.
Result<std::string> Frame::latest_sql() const {
  auto cut =
      engine_.query(fmt::format("SELECT epoch_us(moment) FROM (SELECT moment, sum(count(*)) OVER "
                                "(ORDER BY moment DESC) AS held FROM {0} "
                                "GROUP BY moment) WHERE moment > (SELECT min(moment) FROM {0}) "
                                "ORDER BY abs(held - {1}), moment DESC LIMIT 1",
                                name_, wanted(rows_)));
  if (!cut) return std::move(cut).error();
  if (cut->row_count() == 0)
    return invalid(
        "data.split.method is time, but all rows have the same time; set data.time, or choose "
        "another method");
  return fmt::format("epoch_us(moment) >= {}",
                     static_cast<std::int64_t>(cut->columns[0].number(0)));
}

/// Whole groups in the order of their hashes, up to nearest to the wanted number of rows.
Result<std::string> Frame::groups_sql() const {
  const auto ordered =
      fmt::format("SELECT grp, sum(count(*)) OVER (ORDER BY {}, grp) AS held FROM {} GROUP BY grp",
                  hash_sql(spec_.seed, "grp"), name_);
  auto cut = engine_.query(fmt::format(
      "SELECT held::BIGINT FROM ({}) WHERE held < {} ORDER BY abs(held - {}), held LIMIT 1",
      ordered, rows_, wanted(rows_)));
  if (!cut) return std::move(cut).error();
  if (cut->row_count() == 0)
    return invalid(fmt::format("column '{}' has a single group; a split needs at least two",
                               spec_.group_column));
  return fmt::format("grp IN (SELECT grp FROM ({}) WHERE held <= {})", ordered,
                     static_cast<std::int64_t>(cut->columns[0].number(0)));
}

Result<std::string> Frame::test_sql() {
  if (spec_.method == "time") return latest_sql();
  if (spec_.method == "group") return groups_sql();
  const bool is_stratified = spec_.method == "stratified";
  // Rows of one id have one hash, so they stand together.
  return fmt::format(
      "row IN (SELECT row FROM {} QUALIFY row_number() OVER ({} ORDER BY h, id_text, moment, row) "
      "<= "
      "{})",
      name_, is_stratified ? "PARTITION BY label" : "",
      is_stratified ? fmt::format("CASE label WHEN 1 THEN {} ELSE {} END", wanted(positives_),
                                  wanted(rows_ - positives_))
                    : fmt::format("{}", wanted(rows_)));
}

Result<SplitCounts> Frame::count(const std::string& test) const {
  auto answer = engine_.query(
      fmt::format("SELECT count(*), coalesce(sum(label), 0)::BIGINT, count(*) FILTER (t), "
                  "coalesce(sum(label) FILTER (t), 0)::BIGINT FROM (SELECT label, {} AS t FROM {})",
                  test, name_));
  if (!answer) return std::move(answer).error();
  const auto integer = [&](std::size_t column) {
    return static_cast<std::int64_t>(answer->columns[column].number(0));
  };
  const SplitCounts counts{.train = integer(0) - integer(2),
                           .train_positives = integer(1) - integer(3),
                           .test = integer(2),
                           .test_positives = integer(3)};
  const auto has_one_class = [](std::int64_t rows, std::int64_t positives) {
    return positives == 0 || positives == rows;
  };
  if (has_one_class(counts.train, counts.train_positives) ||
      has_one_class(counts.test, counts.test_positives))
    return invalid(fmt::format(
        "the split ({}, test share {}) leaves a side without rows of both classes: train {} rows, "
        "{} positive; test {} rows, {} positive. Change data.split, or bring more rows",
        spec_.method, spec_.test_share, counts.train, counts.train_positives, counts.test,
        counts.test_positives));
  return counts;
}

std::string Frame::output_sql(const std::string& test) const {
  return fmt::format(
      "SELECT p.{id}, p.event_timestamp, p.label, CASE WHEN s.t THEN 'test' ELSE 'train' END AS "
      "fold FROM read_parquet({file}, file_row_number = true) AS p JOIN (SELECT row, {test} AS t "
      "FROM {name}) AS s ON p.file_row_number = s.row ORDER BY p.file_row_number",
      fmt::arg("id", quote_identifier(dataset_.id_column)),
      fmt::arg("file", quote_path(dataset_.parquet)), fmt::arg("test", test),
      fmt::arg("name", name_));
}

Result<> check(const Dataset& dataset, const SplitSpec& spec) {
  if (!dataset.has_label)
    return invalid("the data set has no label, so there is nothing to split for; set data.label");
  if (spec.test_share <= 0 || spec.test_share >= 1 || std::isnan(spec.test_share))
    return invalid(
        fmt::format("data.split.test is {}; expected a share between 0 and 1", spec.test_share));
  if (lower_case(dataset.id_column) == "fold")
    return invalid("the id cannot be named 'fold': the split has a column of that name; rename it");
  if (spec.method != "group") {
    if (spec.method == "stratified" || spec.method == "random" || spec.method == "time") return {};
    return invalid(fmt::format(
        "'{}' is no method to split; expected stratified, random, time or group", spec.method));
  }
  std::vector<std::string> names = {dataset.id_column};
  for (const ColumnRule& column : dataset.columns) names.push_back(column.name);
  if (std::find(names.begin(), names.end(), spec.group_column) == names.end())
    return invalid(fmt::format("data.split.group: the data set has no column '{}'{}",
                               spec.group_column, suggest_name(spec.group_column, names)));
  return {};
}

}  // namespace

Result<SplitCounts> split_dataset(Engine& engine, const Dataset& dataset, const SplitSpec& spec,
                                  const std::filesystem::path& parquet) {
  if (auto checked = check(dataset, spec); !checked) return std::move(checked).error();
  Frame frame(engine, dataset, spec);
  if (auto done = frame.read(); !done) return std::move(done).error();
  auto test = frame.test_sql();
  if (!test) return std::move(test).error();
  auto counts = frame.count(*test);
  if (!counts) return counts;
  if (auto written = write_parquet(engine, frame.output_sql(*test), parquet); !written)
    return std::move(written).error();
  return counts;
}

}  // namespace tenure::data
