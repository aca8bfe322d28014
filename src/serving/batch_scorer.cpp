#include "serving/batch_scorer.h"

#include <algorithm>
#include <optional>
#include <span>
#include <system_error>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/file.h"
#include "data/parquet_file.h"
#include "decision/campaign_selection.h"
#include "serving/batch_answers.h"

namespace tenure::serving {
namespace {

constexpr std::int64_t kChunkRows = 100'000;

/// A folder that goes once its content is of no more use.
class ScratchFolder {
 public:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  ~ScratchFolder() {
    if (is_kept_) return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  void keep() { is_kept_ = true; }

 private:
  std::filesystem::path path_;
  bool is_kept_ = false;
};

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// The input as a cleaned Parquet file. Ids may repeat here and may be anything, so the id is a
/// text column like others and the rows are numbered.
core::Result<std::filesystem::path> clean(data::Engine& engine, const BatchRequest& request,
                                          const std::filesystem::path& folder) {
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
  std::filesystem::path cleaned = folder / "cleaned.parquet";
  if (is_there(cleaned)) return cleaned;  // whole: it gets this name when it is
  auto dataset = data::load_dataset(engine, spec, cleaned, 0);
  if (!dataset) return std::move(dataset).error();
  return cleaned;
}

/// The columns of a chunk, in the model's order and under its names, for Model::score.
data::Table inputs_of(data::Table chunk, const learn::Model& model) {
  data::Table inputs;
  const auto fields = model.transform().inputs();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    inputs.columns.push_back(std::move(chunk.columns[i + 1]));
    inputs.columns.back().name = fields[i].name;
  }
  return inputs;
}

/// A chunk's file, before offers are chosen and after.
std::filesystem::path part_of(const std::filesystem::path& folder, std::string_view kind,
                              std::int64_t chunk) {
  return folder / fmt::format("{}-{:06}.parquet", kind, chunk);
}

/// Writes what the budget leaves of the actions of one chunk.
core::Result<> settle_offers(data::Engine& engine, const decision::Policy& policy,
                             std::span<const std::uint16_t> offers, std::string_view why_not,
                             const std::filesystem::path& part,
                             const std::filesystem::path& settled) {
  std::vector<std::string> names;
  std::string profit = "CASE offer";
  std::string internal = "chosen, action, why, expected_profit";
  for (const std::uint16_t offer : offers)
    names.push_back(offer == decision::OfferSelection::kNoOffer ? "none"
                                                                : policy.offers()[offer].name);
  for (std::size_t k = 0; k < policy.offers().size(); ++k) {
    profit += fmt::format(" WHEN {} THEN {}", k, BatchAnswers::value_column(k));
    internal += ", " + BatchAnswers::value_column(k) + ", " + BatchAnswers::cost_column(k);
  }
  data::Table chosen;
  chosen.columns.push_back(data::Column::of_texts("chosen", names));
  chosen.columns.push_back(data::Column::of_integers("offer", {offers.begin(), offers.end()}));
  if (auto made = engine.create_table("chosen_offers", chosen); !made)
    return std::move(made).error();
  return data::write_parquet(
      engine,
      fmt::format("SELECT * EXCLUDE ({0}, offer), "
                  "CASE WHEN why = 'worthwhile' THEN chosen ELSE action END AS action, "
                  "CASE WHEN why = 'worthwhile' AND offer = {1} THEN {4} ELSE why END "
                  "AS why, coalesce({2} END, 0) AS expected_profit "
                  "FROM read_parquet({3}) POSITIONAL JOIN chosen_offers",
                  internal, decision::OfferSelection::kNoOffer, profit, data::quote_path(part),
                  data::quote_text(why_not)),
      settled);
}

/// What the written rows add up to; chunks of a call before this one count, too.
core::Result<> count(data::Engine& engine, const std::string& rows, const learn::Model& model,
                     const BatchRequest& request, BatchReport& report) {
  const bool has_actions = request.policy != nullptr;
  auto sums = engine.query(fmt::format(
      "SELECT count(*)::BIGINT, count(*) FILTER (decision = {})::BIGINT, {}::BIGINT, {}::DOUBLE, "
      "{}::BIGINT FROM {}",
      data::quote_text(model.facts().positive),
      has_actions ? "count(*) FILTER (why = 'worthwhile')" : "0",
      has_actions ? "coalesce(sum(expected_profit), 0)" : "0",
      has_actions ? "count(*) FILTER (why = 'control_group')" : "0", rows));
  if (!sums) return std::move(sums).error();
  const auto number = [&](std::size_t column) { return sums->columns[column].number(0); };
  report.rows = static_cast<std::int64_t>(number(0));
  report.positives = static_cast<std::int64_t>(number(1));
  report.offers = static_cast<std::int64_t>(number(2));
  report.expected_profit = number(3);
  report.held_back = static_cast<std::int64_t>(number(4));
  return {};
}

}  // namespace

core::Result<BatchReport> score_file(data::Engine& engine, const learn::Model& model,
                                     const BatchRequest& request) {
  TENURE_ASSERT(request.columns.size() == model.transform().inputs().size());
  ScratchFolder scratch(request.scratch);
  if (auto made = core::make_directories(scratch.path()); !made) return std::move(made).error();
  auto cleaned = clean(engine, request, scratch.path());
  if (!cleaned) return std::move(cleaned).error();

  const std::string source =
      fmt::format("read_parquet({}, file_row_number=true)", data::quote_path(*cleaned));
  auto total = engine.query_integer(fmt::format("SELECT count(*) FROM {}", source));
  if (!total) return std::move(total).error();
  std::string columns = data::quote_identifier(request.id_column.empty() ? std::string(data::kRowId)
                                                                         : request.id_column);
  for (const data::ColumnRule& rule : request.columns)
    columns += ", " + data::quote_identifier(rule.name);

  std::optional<decision::CampaignSelection> selection;
  if (request.policy != nullptr && request.has_limits()) {
    decision::CampaignLimits limits;
    limits.budget = request.budget.value_or(limits.budget);
    limits.capacity = request.capacity.value_or(limits.capacity);
    auto within = decision::CampaignSelection::within(limits);
    if (!within) return std::move(within).error();
    selection = *std::move(within);
  }
  BatchAnswers answers(model, request);
  const std::int64_t chunks = (*total + kChunkRows - 1) / kChunkRows;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const std::int64_t first = chunk * kChunkRows;
    if (request.progress && !request.progress(first, *total)) {
      scratch.keep();
      return core::Error{
          core::ErrorCode::kCancelled,
          fmt::format("cancelled after {} rows; the same command goes on there", first)};
    }
    const std::filesystem::path part = part_of(scratch.path(), "part", chunk);
    if (!is_there(part)) {
      auto rows = engine.query(
          fmt::format("SELECT {} FROM {} WHERE file_row_number >= {} AND file_row_number < {} "
                      "ORDER BY file_row_number",
                      columns, source, first, first + kChunkRows));
      if (!rows) return std::move(rows).error();
      data::Column id = std::move(rows->columns.front());
      auto table = answers.answer(std::move(id), inputs_of(*std::move(rows), model));
      if (!table) return std::move(table).error();
      if (auto made = engine.create_table("scores", *table); !made) return std::move(made).error();
      if (auto written = data::write_parquet(engine, "SELECT * FROM scores", part); !written)
        return std::move(written).error();
    }
    if (!selection) continue;
    auto table =
        engine.query(fmt::format("SELECT * FROM read_parquet({})", data::quote_path(part)));
    if (!table) return std::move(table).error();
    if (auto added = answers.add_candidates(*table, *selection); !added)
      return std::move(added).error();
  }

  BatchReport report;
  std::string_view kind = "part";
  if (selection) {
    const decision::OfferSelection::Selection chosen = std::move(*selection).select();
    kind = "settled";
    const std::string_view why_not = !request.capacity ? "over_budget"
                                     : !request.budget ? "over_capacity"
                                                       : "over_limits";
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const auto first = static_cast<std::size_t>(chunk * kChunkRows);
      const auto rows =
          std::min(static_cast<std::size_t>(kChunkRows), chosen.offers.size() - first);
      if (auto settled = settle_offers(
              engine, *request.policy, std::span(chosen.offers).subspan(first, rows), why_not,
              part_of(scratch.path(), "part", chunk), part_of(scratch.path(), kind, chunk));
          !settled)
        return std::move(settled).error();
    }
    report.expected_cost = chosen.cost;
    report.profit_bound = chosen.bound;
  }
  std::string parts;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
    parts += (chunk == 0 ? "" : ", ") + data::quote_path(part_of(scratch.path(), kind, chunk));
  for (const char* table : {"scores", "chosen_offers"})
    if (auto dropped = engine.execute(fmt::format("DROP TABLE IF EXISTS {}", table)); !dropped)
      return std::move(dropped).error();
  const std::string all = fmt::format("read_parquet([{}])", parts);
  if (auto counted = count(engine, all, model, request, report); !counted)
    return std::move(counted).error();
  if (auto published =
          data::write_by_name(engine, fmt::format("SELECT * FROM {}", all), request.output);
      !published)
    return std::move(published).error();
  return report;
}

}  // namespace tenure::serving
