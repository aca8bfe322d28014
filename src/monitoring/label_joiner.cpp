#include "monitoring/label_joiner.h"

#include <charconv>
#include <chrono>
#include <exception>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>

#include "core/file.h"
#include "core/log.h"
#include "monitoring/label_matcher.h"
#include "monitoring/prediction_archive.h"

namespace tenure::monitoring {
namespace {

constexpr std::string_view kCursorFile = "labels-joined";
constexpr std::size_t kLabelsAtOnce = 50'000;

/// Rows with smaller numbers may become visible after those with larger ones, by so much.
constexpr core::Micros kStragglers = 60 * core::kMicrosPerSecond;

/// Others may still join what this one has only seen, and predictions ripen.
constexpr core::Micros kRecountWithin = 5 * 60 * core::kMicrosPerSecond;
constexpr core::Micros kRecountEvery = 10 * core::kMicrosPerSecond;
constexpr core::Micros kRipenEvery = 60 * core::kMicrosPerSecond;

/// Seconds from a prediction to its label: a minute to a year.
std::vector<double> delay_bounds() {
  return {60,         3600,       6 * 3600,   86400,      3 * 86400,   7 * 86400,
          14 * 86400, 30 * 86400, 60 * 86400, 90 * 86400, 180 * 86400, 365 * 86400};
}

core::Result<std::int64_t> read_cursor(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kCursorFile;
  const auto text = core::read_file(path);
  if (!text && text.error().code == core::ErrorCode::kNotFound) return 0;
  if (!text) return text.error();
  std::int64_t cursor = 0;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), cursor);
  if (read.ec != std::errc() || cursor < 0)
    return core::Error{
        core::ErrorCode::kCorruption,
        fmt::format("{}: no number; remove it to join all labels again", path.string())};
  return cursor;
}

}  // namespace

LabelJoiner::LabelJoiner(LabelJoinerOptions options, LabelStore& store, const core::Clock& clock,
                         core::MetricRegistry& metrics)
    : options_(std::move(options)),
      store_(store),
      clock_(clock),
      joined_labels_(metrics.counter("tenure_labels_joined_total",
                                     "Labels that were found to be about a prediction.")),
      unmatched_labels_(metrics.counter(
          "tenure_labels_unmatched_total",
          "Labels that no prediction of a model in this server's log was found for.")),
      failures_(metrics.counter("tenure_label_join_failures_total",
                                "Times that labels could not be joined to predictions.")),
      delay_(metrics.histogram("tenure_label_delay_seconds",
                               "Time from a prediction to what its label tells of.",
                               delay_bounds())) {}

LabelJoiner::~LabelJoiner() {
  stop();
}

void LabelJoiner::start() {
  thread_ = std::thread([this] { run(); });
}

void LabelJoiner::stop() {
  {
    const std::lock_guard guard(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LabelJoiner::run() {
  // Answers go before it.
  constexpr int kNiceness = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    lock.unlock();
    try {
      const auto joined = join_now();
      if (!joined && joined.error().code != core::ErrorCode::kCancelled) {
        failures_.add();
        core::log_error("monitoring", "labels cannot be joined to predictions",
                        {{"error.message", std::string_view(joined.error().message)}});
      }
    } catch (const std::exception& error) {  // no memory; the next look may have it
      failures_.add();
      core::log_error("monitoring", "labels cannot be joined to predictions",
                      {{"error.message", std::string_view(error.what())}});
    }
    lock.lock();
    wake_.wait_for(lock, std::chrono::microseconds(options_.interval),
                   [this] { return is_stopping_.load(); });
  }
}

core::Result<std::int64_t> LabelJoiner::join_now() {
  if (!cursor_) {
    auto cursor = read_cursor(options_.folder);
    if (!cursor) return cursor;
    cursor_ = *cursor;
  }
  auto joined = join_labels();
  engine_.reset();  // its memory goes back between looks
  if (auto counted = count_outcomes(joined.value_or(0) > 0); !counted)
    return std::move(counted).error();
  return joined;
}

core::Result<std::int64_t> LabelJoiner::join_labels() {
  std::int64_t count = 0;
  core::Result<std::int64_t> failed = 0;
  const core::Micros now = clock_.now();
  for (std::int64_t position = *cursor_;;) {
    auto labels = store_.after(position, kLabelsAtOnce);
    if (!labels) return std::move(labels).error();
    const bool is_last = labels->size() < kLabelsAtOnce;
    if (!labels->empty()) position = labels->back().id;
    std::erase_if(*labels, [&](const OutcomeLabel& label) {
      return joined_.contains(label.id) || label.received > now - options_.settle;
    });
    auto some = join_some(*labels);
    // A damaged part of the log stays so; what is elsewhere was joined.
    if (!some && some.error().code != core::ErrorCode::kCorruption) return some;
    if (!some) failed = some;
    count += some.value_or(0);
    for (const OutcomeLabel& label : *labels) joined_[label.id] = label.received;
    advance(now);
    if (is_last) break;
  }
  return failed ? core::Result<std::int64_t>(count) : failed;
}

core::Result<std::int64_t> LabelJoiner::join_some(std::span<const OutcomeLabel> labels) {
  if (labels.empty()) return 0;
  auto engine = engine_for_archive();
  if (!engine) return std::move(engine).error();
  LabelMatcher matcher(labels, options_.horizon);
  const core::Result<> read = matcher.read_log(options_.folder, *engine);
  if (!read && read.error().code != core::ErrorCode::kCorruption) return read.error();
  const std::vector<JoinedOutcome> found = matcher.found();
  if (auto kept = store_.join(found); !kept) return std::move(kept).error();
  for (const JoinedOutcome& outcome : found)
    delay_.observe(static_cast<double>(outcome.label_time - outcome.predicted) / 1e6);
  joined_labels_.add(matcher.matched_labels());
  unmatched_labels_.add(labels.size() - matcher.matched_labels());
  if (!read) return read.error();
  return static_cast<std::int64_t>(found.size());
}

/// Null while nothing is archived.
core::Result<data::Engine*> LabelJoiner::engine_for_archive() {
  const auto files = list_archive(options_.folder);
  if (!files) return files.error();
  if (is_stopping_) return core::Error{core::ErrorCode::kCancelled, "the server stops"};
  if (files->empty() || engine_) return engine_.get();
  data::EngineOptions options;
  options.memory_limit_bytes = 256ULL * 1024 * 1024;
  options.threads = 1;
  // And not an interrupt when the end comes: between two statements that would be forgotten.
  options.is_cancelled = &is_stopping_;
  auto opened = data::Engine::open(options);
  if (!opened) return std::move(opened).error();
  engine_ = *std::move(opened);
  return engine_.get();
}

/// Moves the cursor over what is joined and old enough that nothing comes before it any more.
void LabelJoiner::advance(core::Micros now) {
  const std::int64_t before = *cursor_;
  while (!joined_.empty() && joined_.begin()->second <= now - kStragglers) {
    cursor_ = joined_.begin()->first;
    joined_.erase(joined_.begin());
  }
  if (*cursor_ == before || !options_.keeps_place) return;
  const auto written =
      core::write_file_atomically(options_.folder / kCursorFile, fmt::format("{}\n", *cursor_));
  // Joined again by the next start, to the same end.
  if (!written)
    core::log_warn("monitoring", "how far labels are joined cannot be kept",
                   {{"error.message", std::string_view(written.error().message)}});
}

core::Result<> LabelJoiner::count_outcomes(bool has_joined) {
  const auto last = store_.last_id();
  if (!last) return last.error();
  const core::Micros now = clock_.now();
  if (*last != counted_id_ || has_joined) changed_at_ = now;
  const core::Micros age = now - counted_at_;
  const bool is_due = has_joined || *last != counted_id_ ||
                      (now - changed_at_ <= kRecountWithin && age >= kRecountEvery) ||
                      (options_.mature_after > 0 && *last > 0 && age >= kRipenEvery);
  if (!is_due) return {};
  auto versions = store_.outcomes(now - options_.mature_after);
  if (!versions) return std::move(versions).error();
  counted_id_ = *last;
  counted_at_ = now;
  const std::lock_guard guard(mutex_);
  outcomes_.clear();
  for (LabelStore::VersionOutcomes& one : *versions)
    outcomes_[{std::move(one.model), one.version}] = one.sums;
  return {};
}

std::optional<serving::OutcomeSums> LabelJoiner::outcomes(std::string_view model,
                                                          std::int64_t version) const {
  const std::lock_guard guard(mutex_);
  const auto found = outcomes_.find(std::pair<std::string, std::int64_t>(model, version));
  return found == outcomes_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace tenure::monitoring
