#include "serving/batch_input.h"

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "data/parquet_file.h"

namespace tenure::serving {
namespace {

core::Result<BatchRows> rows_of(data::Engine& engine, data::DirectQuery query, bool is_direct) {
  auto count = engine.query_integer(fmt::format("SELECT count(*) FROM ({})", query.sql));
  if (!count) return std::move(count).error();
  return BatchRows{std::move(query.sql), *count, is_direct, std::move(query.written)};
}

}  // namespace

FileStamp::FileStamp(const std::filesystem::path& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return;
  parts = {static_cast<std::int64_t>(found.st_ino), found.st_size, found.st_mtim.tv_sec,
           found.st_mtim.tv_nsec};
}

data::DataSpec spec_of(const BatchRequest& request) {
  data::DataSpec spec;
  spec.source = request.input;
  spec.null_markers = request.null_markers;
  spec.bad_values = request.bad_values;
  spec.columns = request.columns;
  if (!request.id_column.empty() &&
      std::ranges::find(spec.columns, request.id_column, &data::ColumnRule::name) ==
          spec.columns.end()) {
    data::ColumnRule id;
    id.name = request.id_column;
    id.needed_by = "the id";
    spec.columns.push_back(std::move(id));
  }
  spec.is_exact = true;
  return spec;
}

core::Result<BatchRows> clean_rows(data::Engine& engine, const data::DataSpec& spec,
                                   const std::filesystem::path& folder) {
  const std::filesystem::path cleaned = folder / "cleaned.parquet";
  std::error_code ignored;
  if (!std::filesystem::exists(cleaned, ignored)) {  // whole: it gets this name when it is
    auto dataset = data::load_dataset(engine, spec, cleaned, 0);
    if (!dataset) return std::move(dataset).error();
  }
  return rows_of(engine,
                 {.sql = fmt::format("SELECT * FROM read_parquet({}, file_row_number = true)",
                                     data::quote_path(cleaned)),
                  .written = {}},
                 false);
}

core::Result<BatchRows> open_rows(data::Engine& engine, const data::DataSpec& spec,
                                  const BatchRequest& request) {
  // The score function cleans a text once, the engine at every row; but the id goes on as it is.
  std::vector<std::string> as_written;
  if (request.is_plain())
    for (const data::ColumnRule& rule : request.columns)
      if (rule.name != request.id_column) as_written.push_back(rule.name);
  auto direct = data::direct_query(engine, spec, as_written);
  if (!direct) return std::move(direct).error();
  if (*direct) {
    auto rows = rows_of(engine, **std::move(direct), true);
    if (!rows || rows->count > 0) return rows;
  }
  return clean_rows(engine, spec, request.scratch);
}

}  // namespace tenure::serving
