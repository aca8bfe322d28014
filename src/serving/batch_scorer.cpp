#include "serving/batch_scorer.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <system_error>

#include <fmt/format.h>

#include "core/assert.h"
#include "core/file.h"
#include "data/parquet_file.h"
#include "decision/campaign_selection.h"
#include "serving/batch_answers.h"
#include "serving/batch_input.h"
#include "serving/batch_progress.h"
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

/// Writes the answers to ranges of the cleaned rows, each as a Parquet file.
class ChunkWriter {
 public:
  static core::Result<ChunkWriter> make(data::Engine& engine, const learn::Model& model,
                                        const BatchRequest& request, const BatchRows& rows,
                                        const std::shared_ptr<BatchProgress>& progress) {
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

/// One call: what it works on, and how far it has come.
class Scoring {
 public:
  /// All are borrowed.
  Scoring(data::Engine& engine, const learn::Model& model, const BatchRequest& request,
          const std::filesystem::path& folder)
      : engine_(&engine),
        model_(&model),
        request_(&request),
        folder_(&folder),
        spec_(spec_of(request)),
        stamp_(request.input) {}

  core::Result<BatchReport> run();
  /// Rows that another call with the same folder need not score again.
  std::int64_t done() const { return done_; }

 private:
  core::Result<> score_whole();
  core::Result<> score_chunks();
  core::Result<> choose_offers();
  core::Result<> publish();
  core::Result<> check_input() const;
  core::Error explained(core::Error error) const;

  std::filesystem::path part(std::int64_t chunk) const { return part_of(*folder_, "part", chunk); }

  data::Engine* engine_;
  const learn::Model* model_;
  const BatchRequest* request_;
  const std::filesystem::path* folder_;
  data::DataSpec spec_;
  FileStamp stamp_;
  BatchRows rows_;
  std::shared_ptr<BatchProgress> progress_;
  std::optional<ChunkWriter> writer_;
  std::optional<decision::CampaignSelection> selection_;  ///< when offers have limits
  std::int64_t chunks_ = 0;
  std::string_view kind_ = "part";  ///< of the files that the output is made of
  std::int64_t done_ = 0;
  BatchReport report_;
};

core::Result<BatchReport> Scoring::run() {
  auto rows = open_rows(*engine_, spec_, *request_);
  if (!rows) return std::move(rows).error();
  rows_ = *std::move(rows);
  progress_ = std::make_shared<BatchProgress>(*request_, rows_.count);
  auto writer = ChunkWriter::make(*engine_, *model_, *request_, rows_, progress_);
  if (!writer) return std::move(writer).error();
  writer_.emplace(*std::move(writer));
  if (writer_->can_write_whole(rows_.count)) {
    if (auto scored = score_whole(); !scored) return std::move(scored).error();
    return report_;
  }
  if (request_->is_decided() && request_->has_limits()) {
    decision::CampaignLimits limits;
    limits.budget = request_->budget.value_or(limits.budget);
    limits.capacity = request_->capacity.value_or(limits.capacity);
    auto within = decision::CampaignSelection::within(limits);
    if (!within) return std::move(within).error();
    selection_ = *std::move(within);
  }
  if (auto scored = score_chunks(); !scored) return std::move(scored).error();
  if (auto checked = check_input(); !checked) return std::move(checked).error();
  if (selection_)
    if (auto chosen = choose_offers(); !chosen) return std::move(chosen).error();
  if (auto published = publish(); !published) return std::move(published).error();
  return report_;
}

/// What a failed query says; cleaning tells which value of the input it is, and where.
core::Error Scoring::explained(core::Error error) const {
  if (progress_->is_cancelled()) return BatchProgress::cancelled();
  if (rows_.is_direct && error.code == core::ErrorCode::kInvalidArgument)
    if (auto cleaned = clean_rows(*engine_, spec_, *folder_); !cleaned)
      return std::move(cleaned).error();
  return error;
}

core::Result<> Scoring::check_input() const {
  if (!rows_.is_direct || stamp_ == FileStamp(request_->input)) return {};
  return core::Error{
      core::ErrorCode::kConflict,
      fmt::format("{} was changed while it was scored; score it again", request_->input.string())};
}

core::Result<> Scoring::score_whole() {
  if (!progress_->go_on_at(0)) return BatchProgress::cancelled();
  core::Result<> checked;
  auto written = writer_->write_whole(
      fmt::format("FROM ({})", rows_.query),
      [&](const std::filesystem::path& file) -> core::Result<> {
        checked = check_input();
        if (checked)
          checked = count(*engine_, fmt::format("read_parquet({})", data::quote_path(file)),
                          *model_, *request_, report_);
        return checked;
      });
  if (written || !checked) return written;
  return explained(std::move(written).error());
}

core::Result<> Scoring::score_chunks() {
  const std::int64_t chunk_rows = writer_->chunk_rows();
  chunks_ = (rows_.count + chunk_rows - 1) / chunk_rows;
  for (std::int64_t chunk = 0; chunk < chunks_; ++chunk) {
    done_ = chunk * chunk_rows;
    if (!progress_->go_on_at(done_)) return BatchProgress::cancelled();
    std::error_code ignored;
    if (!std::filesystem::exists(part(chunk), ignored)) {
      auto written =
          writer_->write(fmt::format("FROM ({0}) WHERE {1} >= {2} AND {1} < {3}", rows_.query,
                                     data::kRowNumber, done_, done_ + chunk_rows),
                         part(chunk));
      if (!written) return explained(std::move(written).error());
    }
    if (!selection_) continue;
    auto table = engine_->query(
        fmt::format("SELECT * FROM read_parquet({})", data::quote_path(part(chunk))));
    if (!table) return std::move(table).error();
    if (auto added = writer_->answers().add_candidates(*table, *selection_); !added) return added;
  }
  done_ = rows_.count;
  return {};
}

core::Result<> Scoring::choose_offers() {
  const decision::OfferSelection::Selection chosen = std::move(*selection_).select();
  kind_ = "settled";
  const std::string_view why_not = !request_->capacity ? "over_budget"
                                   : !request_->budget ? "over_capacity"
                                                       : "over_limits";
  const auto chunk_rows = static_cast<std::size_t>(writer_->chunk_rows());
  for (std::int64_t chunk = 0; chunk < chunks_; ++chunk) {
    const std::size_t first = static_cast<std::size_t>(chunk) * chunk_rows;
    const std::size_t size = std::min(chunk_rows, chosen.offers.size() - first);
    auto settled =
        settle_offers(*engine_, *request_->policy, std::span(chosen.offers).subspan(first, size),
                      why_not, part(chunk), part_of(*folder_, kind_, chunk));
    if (!settled) return settled;
  }
  report_.expected_cost = chosen.cost;
  report_.profit_bound = chosen.bound;
  return {};
}

/// Makes the output of the parts.
core::Result<> Scoring::publish() {
  std::string parts;
  for (std::int64_t chunk = 0; chunk < chunks_; ++chunk)
    parts += (chunk == 0 ? "" : ", ") + data::quote_path(part_of(*folder_, kind_, chunk));
  for (const char* table : {"scores", "chosen_offers"})
    if (auto dropped = engine_->execute(fmt::format("DROP TABLE IF EXISTS {}", table)); !dropped)
      return dropped;
  const std::string all = fmt::format("read_parquet([{}])", parts);
  if (auto counted = count(*engine_, all, *model_, *request_, report_); !counted) return counted;
  return data::write_by_name(*engine_, fmt::format("SELECT * FROM {}", all), request_->output);
}

}  // namespace

core::Result<BatchReport> score_file(data::Engine& engine, const learn::Model& model,
                                     const BatchRequest& request) {
  TENURE_ASSERT(request.columns.size() == model.transform().inputs().size());
  ScratchFolder scratch(request.scratch);
  if (auto made = core::make_directories(scratch.path()); !made) return std::move(made).error();
  Scoring scoring(engine, model, request, scratch.path());
  auto report = scoring.run();
  if (report || report.error().code != core::ErrorCode::kCancelled) return report;
  scratch.keep();
  return core::Error{
      core::ErrorCode::kCancelled,
      fmt::format("cancelled after {} rows; the same command goes on there", scoring.done())};
}

}  // namespace tenure::serving
