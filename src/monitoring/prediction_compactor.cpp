#include "monitoring/prediction_compactor.h"

#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "core/file.h"
#include "core/log.h"
#include "core/niceness.h"
#include "data/engine.h"
#include "monitoring/prediction_archive.h"
#include "monitoring/retention.h"
#include "monitoring/segment_file.h"

namespace tenure::monitoring {

struct PredictionCompactor::State {
  State(CompactorOptions given, const core::Clock& time, core::MetricRegistry& metrics)
      : options(std::move(given)),
        clock(time),
        segments(metrics.counter("tenure_prediction_segments_archived_total",
                                 "Segments of the prediction log that became Parquet files.")),
        removed(metrics.counter("tenure_prediction_files_removed_total",
                                "Files of the prediction log that retention removed.")),
        failures(metrics.counter("tenure_prediction_archive_failures_total",
                                 "Segments that could not become Parquet files.")) {}

  void run();
  void pass();
  void archive_closed();
  bool archive(const SegmentName& segment);
  core::Result<data::Engine*> ready_engine();

  const CompactorOptions options;
  const core::Clock& clock;
  core::Counter& segments;
  core::Counter& removed;
  core::Counter& failures;
  std::set<std::uint64_t> damaged;  ///< not tried again

  std::mutex mutex;  ///< guards what follows
  std::condition_variable wake;
  bool is_stopping = false;
  std::unique_ptr<data::Engine> engine;  ///< made for a pass with work; stopped from outside

  std::thread thread;
};

void PredictionCompactor::State::run() {
  core::be_nice(core::kTidyingNiceness);
  // Nobody else writes here, so whatever is unfinished was left by a process that ended.
  core::remove_unfinished_files(archive_folder(options.folder),
                                std::numeric_limits<core::Micros>::max());
  std::unique_lock lock(mutex);
  while (!is_stopping) {
    lock.unlock();
    pass();
    lock.lock();
    wake.wait_for(lock, std::chrono::microseconds(options.interval),
                  [this] { return is_stopping; });
  }
}

void PredictionCompactor::State::pass() {
  if (options.has_parquet) archive_closed();
  const auto old = remove_old_predictions(
      options.folder, {.retain = options.retain, .retain_bytes = options.retain_bytes},
      clock.now());
  if (!old) {
    core::log_error("monitoring", "old predictions cannot be removed",
                    {{"error.message", old.error().message}});
  } else if (*old > 0) {
    removed.add(static_cast<std::uint64_t>(*old));
    core::log_info("monitoring", "removed old predictions", {{"files", *old}});
  }
}

void PredictionCompactor::State::archive_closed() {
  const auto found = list_segments(options.folder);
  if (!found) return;
  for (const SegmentName& segment : *found) {
    // The newest may be written to.
    if (segment.number == found->back().number || damaged.contains(segment.number)) continue;
    if (!archive(segment)) break;
  }
  const std::lock_guard lock(mutex);
  engine.reset();  // its memory goes back between passes
}

/// False when nothing more should be tried in this pass.
bool PredictionCompactor::State::archive(const SegmentName& segment) {
  const auto ready = ready_engine();
  if (!ready) {
    if (ready.error().code != core::ErrorCode::kCancelled)
      core::log_error("monitoring", "predictions cannot be archived",
                      {{"error.message", ready.error().message}});
    return false;
  }
  const auto events = archive_segment(**ready, options.folder, segment.path, segment.number);
  if (events) {
    segments.add();
    return true;
  }
  if (events.error().code == core::ErrorCode::kCancelled) return false;
  failures.add();
  core::log_error(
      "monitoring", "a segment of the prediction log stays as it is",
      {{"file.path", segment.path.string()}, {"error.message", events.error().message}});
  if (events.error().code == core::ErrorCode::kResourceExhausted) return false;
  damaged.insert(segment.number);
  return true;
}

core::Result<data::Engine*> PredictionCompactor::State::ready_engine() {
  const std::lock_guard lock(mutex);
  if (is_stopping) return core::Error{core::ErrorCode::kCancelled, "stopping"};
  if (!engine) {
    data::EngineOptions with;
    with.memory_limit_bytes = options.memory_bytes;
    with.threads = 1;
    auto opened = data::Engine::open(with);
    if (!opened) return std::move(opened).error();
    engine = *std::move(opened);
  }
  return engine.get();
}

PredictionCompactor::PredictionCompactor(std::unique_ptr<State> state) : state_(std::move(state)) {}

std::unique_ptr<PredictionCompactor> PredictionCompactor::start(CompactorOptions options,
                                                                const core::Clock& clock,
                                                                core::MetricRegistry& metrics) {
  auto state = std::make_unique<State>(std::move(options), clock, metrics);
  state->thread = std::thread([raw = state.get()] { raw->run(); });
  return std::unique_ptr<PredictionCompactor>(new PredictionCompactor(std::move(state)));
}

PredictionCompactor::~PredictionCompactor() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
    if (state_->engine) state_->engine->interrupt();
  }
  state_->wake.notify_all();
  state_->thread.join();
}

}  // namespace tenure::monitoring
