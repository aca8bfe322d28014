#include "serving/batch_scorer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/assert.h"
#include "core/file.h"
#include "data/parquet_file.h"
#include "decision/campaign_selection.h"
#include "serving/batch_answers.h"
#include "serving/score_function.h"

namespace tenure::serving {
namespace {

/// Rows that are finished together: what a killed call has to do again, at most.
constexpr std::int64_t kChunkRows = 100'000;  ///< as a table in memory
/// Inside the engine, at well over a million rows a second. A file of fewer is written once.
constexpr std::int64_t kQueryRows = 20'000'000;

/// A folder that goes once its content is of no more use.
class ScratchFolder {
 public:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  ~ScratchFolder() {
    std::error_code ignored;
    if (is_kept_ && !std::filesystem::is_empty(path_, ignored)) return;
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

/// What tells one content of a file from another without reading it.
struct FileStamp {
  explicit FileStamp(const std::filesystem::path& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return;
    parts = {static_cast<std::int64_t>(found.st_ino), found.st_size, found.st_mtim.tv_sec,
             found.st_mtim.tv_nsec};
  }
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
  std::array<std::int64_t, 4> parts{};
};

/// How the input is read. Ids may repeat here and may be anything, so the id is a text column like
/// others and the rows are numbered.
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

/// The cleaned rows, to be read a range at a time.
struct Rows {
  std::string query;  ///< columns data::kRowNumber, from 0, and those of the spec
  std::int64_t count = 0;
  bool is_direct = false;  ///< straight from the input: what is wrong in it shows when it is read
  std::map<std::string, data::TextRule> written;  ///< columns whose texts are yet to be cleaned
};

core::Result<Rows> rows_of(data::Engine& engine, data::DirectQuery query, bool is_direct) {
  auto count = engine.query_integer(fmt::format("SELECT count(*) FROM ({})", query.sql));
  if (!count) return std::move(count).error();
  return Rows{std::move(query.sql), *count, is_direct, std::move(query.written)};
}

/// Writes the input as a cleaned Parquet file first.
core::Result<Rows> clean(data::Engine& engine, const data::DataSpec& spec,
                         const std::filesystem::path& folder) {
  const std::filesystem::path cleaned = folder / "cleaned.parquet";
  if (!is_there(cleaned)) {  // whole: it gets this name when it is
    auto dataset = data::load_dataset(engine, spec, cleaned, 0);
    if (!dataset) return std::move(dataset).error();
  }
  return rows_of(engine,
                 {.sql = fmt::format("SELECT * FROM read_parquet({}, file_row_number = true)",
                                     data::quote_path(cleaned)),
                  .written = {}},
                 false);
}

core::Result<Rows> open_rows(data::Engine& engine, const data::DataSpec& spec,
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
  return clean(engine, spec, request.scratch);
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
  const bool has_actions = request.is_decided();
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

/// Counts the rows that are done, from all threads, and says so now and then.
class Progress {
 public:
  Progress(const BatchRequest& request, std::int64_t total) : request_(&request), total_(total) {}

  /// `rows` more. Error: kCancelled, from now on.
  core::Result<> add(std::int64_t rows) {
    const std::int64_t before = done_.fetch_add(rows);
    if (request_->progress && before / kStep != (before + rows) / kStep) report(before + rows);
    if (!is_cancelled_) return {};
    return core::Error{core::ErrorCode::kCancelled, "cancelled"};
  }
  /// So many in all.
  bool go_on_at(std::int64_t done) {
    done_ = done;
    report(done);
    return !is_cancelled_;
  }
  bool is_cancelled() const { return is_cancelled_; }

 private:
  static constexpr std::int64_t kStep = 65'536;

  void report(std::int64_t done) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock() || done < said_ || is_cancelled_) return;  // another says as much
    said_ = std::min(done, total_);
    if (request_->progress && !request_->progress(said_, total_)) is_cancelled_ = true;
  }

  const BatchRequest* request_;
  std::int64_t total_;
  std::atomic<std::int64_t> done_{0};
  std::atomic<bool> is_cancelled_{false};
  std::mutex mutex_;
  std::int64_t said_ = 0;
};

/// Writes the answers to ranges of the cleaned rows, each as a Parquet file.
class ChunkWriter {
 public:
  static core::Result<ChunkWriter> make(data::Engine& engine, const learn::Model& model,
                                        const BatchRequest& request, const Rows& rows,
                                        const std::shared_ptr<Progress>& progress) {
    ChunkWriter writer(engine, model, request);
    if (!request.is_plain()) return writer;
    ScoreFunctionOptions options;
    for (const data::ColumnRule& rule : request.columns) {
      const auto written = rows.written.find(rule.name);
      options.written.push_back(written != rows.written.end() ? std::optional(written->second)
                                                              : std::nullopt);
    }
    if (writer.has_signs()) options.policy = *request.policy;
    options.on_rows = [progress](std::size_t count) {
      return progress->add(static_cast<std::int64_t>(count));
    };
    auto function = add_score_function(engine, model, std::move(options));
    if (!function) return std::move(function).error();
    writer.function_ = *std::move(function);
    return writer;
  }

  std::int64_t chunk_rows() const {
    if (request_->chunk_rows > 0) return request_->chunk_rows;
    return function_.empty() ? kChunkRows : kQueryRows;
  }
  const BatchAnswers& answers() const { return answers_; }
  /// One file of all rows may be the output itself.
  bool can_write_whole(std::int64_t rows) const {
    return !function_.empty() && rows <= chunk_rows() && request_->output.extension() != ".csv";
  }
  core::Result<> write_whole(const std::string& from, const data::FileCheck& check) const {
    return data::write_by_name(*engine_, query(from), request_->output, check);
  }

  /// `from`: a FROM clause and what follows.
  core::Result<> write(const std::string& from, const std::filesystem::path& part) {
    return function_.empty() ? write_table(from, part) : write_query(from, part);
  }

 private:
  ChunkWriter(data::Engine& engine, const learn::Model& model, const BatchRequest& request)
      : engine_(&engine), model_(&model), request_(&request), answers_(model, request) {}

  std::string id() const {
    if (!request_->id_column.empty()) return data::quote_identifier(request_->id_column);
    return fmt::format("{} + 1 AS {}", data::kRowNumber, data::kRowId);
  }

  core::Result<> write_query(const std::string& from, const std::filesystem::path& part) const {
    return data::write_parquet(*engine_, query(from), part);
  }

  /// One of the two decisions. A file gets the same texts from an ENUM, but the engine need not
  /// look through them for the few that they are.
  std::string word(const std::string& text) const {
    const learn::ModelFacts& facts = model_->facts();
    const std::string quoted = data::quote_text(text);
    if (facts.positive == facts.negative) return quoted;
    return fmt::format("{}::ENUM({}, {})", quoted, data::quote_text(facts.positive),
                       data::quote_text(facts.negative));
  }

  /// Whether the function says who is positive by the sign of what it gives.
  bool has_signs() const { return request_->policy != nullptr && request_->has_own_thresholds; }

  /// Scores inside the engine, on all its threads.
  std::string query(const std::string& from) const {
    std::vector<std::string> names;
    for (const data::ColumnRule& rule : request_->columns) names.push_back(rule.name);
    const learn::ModelFacts& facts = model_->facts();
    return fmt::format(
        "SELECT * EXCLUDE (_score), {} AS probability, CASE WHEN {} THEN {} ELSE {} END AS "
        "decision, {}::BIGINT AS model_version FROM (SELECT {}, {} AS _score {})",
        has_signs() ? "abs(_score)" : "_score",
        has_signs() ? "signbit(_score)" : fmt::format("_score >= '{}'::DOUBLE", facts.threshold),
        word(facts.positive), word(facts.negative), request_->model_version, id(),
        score_call(function_, *model_, names), from);
  }

  /// Scores row by row, for answers that are more than a probability.
  core::Result<> write_table(const std::string& from, const std::filesystem::path& part) {
    std::string columns = id();
    for (const data::ColumnRule& rule : request_->columns)
      columns += ", " + data::quote_identifier(rule.name);
    auto rows =
        engine_->query(fmt::format("SELECT {} {} ORDER BY {}", columns, from, data::kRowNumber));
    if (!rows) return std::move(rows).error();
    data::Column id = std::move(rows->columns.front());
    auto table = answers_.answer(std::move(id), inputs_of(*std::move(rows), *model_));
    if (!table) return std::move(table).error();
    if (auto made = engine_->create_table("scores", *table); !made) return std::move(made).error();
    return data::write_parquet(*engine_, "SELECT * FROM scores", part);
  }

  data::Engine* engine_;
  const learn::Model* model_;
  const BatchRequest* request_;
  BatchAnswers answers_;
  std::string function_;  ///< of SQL; "" = answers are more than it gives
};

}  // namespace

core::Result<BatchReport> score_file(data::Engine& engine, const learn::Model& model,
                                     const BatchRequest& request) {
  TENURE_ASSERT(request.columns.size() == model.transform().inputs().size());
  ScratchFolder scratch(request.scratch);
  if (auto made = core::make_directories(scratch.path()); !made) return std::move(made).error();
  const data::DataSpec spec = spec_of(request);
  const FileStamp stamp(request.input);
  const auto cancelled_at = [&](std::int64_t done) {
    scratch.keep();
    return core::Error{
        core::ErrorCode::kCancelled,
        fmt::format("cancelled after {} rows; the same command goes on there", done)};
  };
  const auto kept = [&](core::Error error, std::int64_t done) {
    return error.code == core::ErrorCode::kCancelled ? cancelled_at(done) : std::move(error);
  };
  auto rows = open_rows(engine, spec, request);
  if (!rows) {
    if (rows.error().code == core::ErrorCode::kCancelled) scratch.keep();
    return std::move(rows).error();
  }
  const auto progress = std::make_shared<Progress>(request, rows->count);
  auto writer = ChunkWriter::make(engine, model, request, *rows, progress);
  if (!writer) return std::move(writer).error();

  // What a failed query says; cleaning tells which value of the input it is, and where.
  const auto explained = [&](core::Error error, std::int64_t done) {
    if (progress->is_cancelled()) return cancelled_at(done);
    if (rows->is_direct && error.code == core::ErrorCode::kInvalidArgument)
      if (auto cleaned = clean(engine, spec, scratch.path()); !cleaned)
        return std::move(cleaned).error();
    return kept(std::move(error), done);
  };
  const auto check_input = [&]() -> core::Result<> {
    if (!rows->is_direct || stamp == FileStamp(request.input)) return {};
    return core::Error{
        core::ErrorCode::kConflict,
        fmt::format("{} was changed while it was scored; score it again", request.input.string())};
  };

  BatchReport report;
  if (writer->can_write_whole(rows->count)) {
    if (!progress->go_on_at(0)) return cancelled_at(0);
    core::Result<> checked;
    auto written = writer->write_whole(
        fmt::format("FROM ({})", rows->query),
        [&](const std::filesystem::path& file) -> core::Result<> {
          checked = check_input();
          if (checked)
            checked = count(engine, fmt::format("read_parquet({})", data::quote_path(file)), model,
                            request, report);
          return checked;
        });
    if (written) return report;
    return checked ? explained(std::move(written).error(), 0) : kept(std::move(written).error(), 0);
  }

  std::optional<decision::CampaignSelection> selection;
  if (request.is_decided() && request.has_limits()) {
    decision::CampaignLimits limits;
    limits.budget = request.budget.value_or(limits.budget);
    limits.capacity = request.capacity.value_or(limits.capacity);
    auto within = decision::CampaignSelection::within(limits);
    if (!within) return std::move(within).error();
    selection = *std::move(within);
  }
  const std::int64_t chunk_rows = writer->chunk_rows();
  const std::int64_t chunks = (rows->count + chunk_rows - 1) / chunk_rows;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const std::int64_t first = chunk * chunk_rows;
    if (!progress->go_on_at(first)) return cancelled_at(first);
    const std::filesystem::path part = part_of(scratch.path(), "part", chunk);
    if (!is_there(part)) {
      auto written =
          writer->write(fmt::format("FROM ({0}) WHERE {1} >= {2} AND {1} < {3}", rows->query,
                                    data::kRowNumber, first, first + chunk_rows),
                        part);
      if (!written) return explained(std::move(written).error(), first);
    }
    if (!selection) continue;
    auto table =
        engine.query(fmt::format("SELECT * FROM read_parquet({})", data::quote_path(part)));
    if (!table) return kept(std::move(table).error(), first);
    if (auto added = writer->answers().add_candidates(*table, *selection); !added)
      return std::move(added).error();
  }

  if (auto checked = check_input(); !checked) return std::move(checked).error();
  std::string_view kind = "part";
  if (selection) {
    const decision::OfferSelection::Selection chosen = std::move(*selection).select();
    kind = "settled";
    const std::string_view why_not = !request.capacity ? "over_budget"
                                     : !request.budget ? "over_capacity"
                                                       : "over_limits";
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const auto first = static_cast<std::size_t>(chunk * chunk_rows);
      const auto size =
          std::min(static_cast<std::size_t>(chunk_rows), chosen.offers.size() - first);
      if (auto settled = settle_offers(
              engine, *request.policy, std::span(chosen.offers).subspan(first, size), why_not,
              part_of(scratch.path(), "part", chunk), part_of(scratch.path(), kind, chunk));
          !settled)
        return kept(std::move(settled).error(), rows->count);
    }
    report.expected_cost = chosen.cost;
    report.profit_bound = chosen.bound;
  }
  std::string parts;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
    parts += (chunk == 0 ? "" : ", ") + data::quote_path(part_of(scratch.path(), kind, chunk));
  for (const char* table : {"scores", "chosen_offers"})
    if (auto dropped = engine.execute(fmt::format("DROP TABLE IF EXISTS {}", table)); !dropped)
      return kept(std::move(dropped).error(), rows->count);
  const std::string all = fmt::format("read_parquet([{}])", parts);
  if (auto counted = count(engine, all, model, request, report); !counted)
    return kept(std::move(counted).error(), rows->count);
  if (auto published =
          data::write_by_name(engine, fmt::format("SELECT * FROM {}", all), request.output);
      !published)
    return kept(std::move(published).error(), rows->count);
  return report;
}

}  // namespace tenure::serving
