#include "monitoring/label_eraser.h"

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "data/parquet_file.h"
#include "data/table.h"
#include "monitoring/prediction_archive.h"
#include "monitoring/segment_file.h"
#include "monitoring/segment_reader.h"

namespace tenure::monitoring {
namespace {

constexpr std::size_t kFilesAtOnce = 64;

core::Result<> add_from_segments(const std::filesystem::path& log,
                                 const std::set<std::string, std::less<>>& customers,
                                 std::set<std::uint64_t>& numbers, std::set<std::string>& ids) {
  const auto segments = list_segments(log);
  if (!segments) return segments.error();
  for (const SegmentName& segment : *segments) {
    const bool is_last = &segment == &segments->back();
    const auto read = read_segment(segment, is_last ? SegmentEnd::kMayGrow : SegmentEnd::kClosed,
                                   [&](const LoggedPrediction& event) {
                                     if (customers.contains(event.entity_id))
                                       ids.emplace(event.prediction_id);
                                     return true;
                                   });
    // Gone: it was archived since it was listed.
    if (!read && read.error().code == core::ErrorCode::kNotFound) continue;
    if (!read) return read.error();
    numbers.insert(segment.number);
  }
  return {};
}

/// `read`: segments whose Parquet files do not count.
core::Result<> add_from_archive(const std::filesystem::path& log,
                                std::span<const std::string> customers,
                                const std::set<std::uint64_t>& read, data::Engine& engine,
                                std::set<std::string>& ids) {
  const auto files = list_archive(log);
  if (!files) return files.error();
  auto made = engine.create_table(
      "erased_customers", data::Table{.columns = {data::Column::of_texts(
                                          "customer", {customers.begin(), customers.end()})}});
  if (!made) return made;
  for (std::size_t begin = 0; begin < files->size(); begin += kFilesAtOnce) {
    std::string list;
    for (std::size_t i = begin; i < std::min(begin + kFilesAtOnce, files->size()); ++i) {
      const ArchiveFile& file = (*files)[i];
      std::error_code error;
      if (read.contains(file.segment) || !std::filesystem::exists(file.path, error)) continue;
      list += (list.empty() ? "" : ", ") + data::quote_path(file.path);
    }
    if (list.empty()) continue;
    auto rows = engine.query(
        fmt::format("SELECT prediction_id FROM read_parquet([{}], hive_partitioning=false, "
                    "union_by_name=true) WHERE entity_id IN (SELECT customer FROM "
                    "erased_customers)",
                    list));
    if (!rows) return std::move(rows).error();
    for (std::size_t row = 0; row < rows->row_count(); ++row)
      ids.emplace(rows->columns.front().text(row));
  }
  return {};
}

}  // namespace

core::Result<std::set<std::string>> predictions_of(const std::filesystem::path& log,
                                                   std::span<const std::string> customers,
                                                   data::Engine& engine) {
  std::set<std::string> ids;
  std::error_code error;
  if (customers.empty() || !std::filesystem::exists(log, error)) return ids;
  std::set<std::uint64_t> numbers;
  if (auto read = add_from_segments(log, {customers.begin(), customers.end()}, numbers, ids); !read)
    return std::move(read).error();
  if (auto read = add_from_archive(log, customers, numbers, engine, ids); !read)
    return std::move(read).error();
  return ids;
}

core::Result<LabelStore::Erased> erase_labels(LabelStore& store, const std::filesystem::path& log,
                                              std::span<const std::string> customers,
                                              const tracking::Change& change) {
  data::EngineOptions options;
  options.memory_limit_bytes = 256ULL * 1024 * 1024;
  options.threads = 1;
  auto engine = data::Engine::open(options);
  if (!engine) return std::move(engine).error();
  const auto predictions = predictions_of(log, customers, **engine);
  if (!predictions) return predictions.error();
  return store.erase(customers, {predictions->begin(), predictions->end()}, change);
}

}  // namespace tenure::monitoring
