#include "monitoring/prediction_log.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <fcntl.h>
#include <iterator>
#include <mutex>
#include <new>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/file.h>

#include "core/descriptor.h"
#include "core/file.h"
#include "core/log.h"
#include "monitoring/event_ring.h"
#include "monitoring/known_schemas.h"
#include "monitoring/prediction_archive.h"
#include "monitoring/prediction_record.h"
#include "monitoring/ring_message.h"
#include "monitoring/ring_writer.h"
#include "monitoring/segment_file.h"
#include "monitoring/torn_tail.h"

namespace tenure::monitoring {
namespace {

/// Memory per event of `buffer_events`: about what 30 numeric features take.
constexpr std::uint64_t kBytesPerEvent = 256;

constexpr std::uint64_t kSegmentMin = 1024;

constexpr std::int64_t kWarningIntervalNs = 10'000'000'000;

/// Under policy `block`, an event that finds no room looks again after so long at the latest, so
/// often.
constexpr auto kRoomWait = std::chrono::milliseconds(50);
constexpr int kRoomWaits = 40;

/// Under load the writer frames and writes so often, in milliseconds, what it then syncs together:
/// framing the events of a whole sync interval at once would take a core from the event loops for
/// several milliseconds.
constexpr int kGatherMs = 10;

/// After a failed write the next is tried this soon, however rare syncs are otherwise.
constexpr core::Micros kRetryInterval = 200'000;

}  // namespace

struct PredictionLog::State {
  State(PredictionLogOptions given, const core::Clock& time, core::MetricRegistry& metrics)
      : options(std::move(given)),
        clock(time),
        ring(options.buffer_events * kBytesPerEvent),
        writer(ring, clock, options.folder, options.segment_max),
        dropped(metrics.counter("tenure_prediction_events_dropped_total",
                                "Predictions that did not fit into the log's buffer.")),
        written(metrics.counter("tenure_prediction_events_written_total",
                                "Predictions written to the log and synced.")),
        failures(metrics.counter("tenure_prediction_log_failures_total",
                                 "Writes of the prediction log that failed.")),
        refused(metrics.counter("tenure_prediction_answers_refused_total",
                                "Requests refused because the log could not keep their events.")) {}

  // Any thread.
  bool push(std::uint64_t schema, RecordType type, std::size_t body_size,
            const serving::PredictionEvent& event) noexcept;
  void lose(bool is_too_large) noexcept;
  Ticket lost_so_far() const noexcept {
    return static_cast<Ticket>(oversized.load(std::memory_order_acquire)) << 32 |
           losses.load(std::memory_order_acquire);
  }
  void wake() noexcept;

  // The writer's thread.
  void run();
  void wait();
  void cycle(bool is_last);
  bool is_asked_for();
  bool sleep(int milliseconds);
  void report_failure(const core::Error& error);
  void settle_waiters(bool is_failed) noexcept;
  void give_up_rest();
  void warn_about_losses();

  const PredictionLogOptions options;
  const core::Clock& clock;
  EventRing ring;
  RingWriter writer;
  core::Counter& dropped;
  core::Counter& written;
  core::Counter& failures;
  core::Counter& refused;
  KnownSchemas known;
  core::Descriptor lock;        ///< held as long as the folder is ours
  core::Descriptor wake_event;  ///< eventfd: wakes the writer without a lock
  std::atomic<bool> is_woken{false};
  std::atomic<bool> is_stopping{false};
  std::atomic<std::uint32_t> losses{0};     ///< events that found no room, ever
  std::atomic<std::uint32_t> oversized{0};  ///< those that never could
  std::atomic<bool> is_failing{false};      ///< the last write failed

  std::mutex mutex;  ///< guards what follows, to the blank line
  std::condition_variable progress;
  std::uint64_t durable = 0;  ///< ring position up to which everything is on disk
  std::uint64_t wanted = 0;   ///< ring position that somebody waits for
  std::uint64_t attempt = 0;  ///< number of the cycle under way or the last one
  std::uint64_t failed_attempt = 0;
  core::Error failure;
  /// Answers held back, in no order; those up to `durable` may go.
  struct Waiter {
    std::uint64_t position = 0;
    std::function<void(bool)> done;
  };
  std::vector<Waiter> waiters;

  std::vector<Waiter> settled;  ///< the writer's own, reused
  bool is_busy = false;         ///< the last sync had something to sync
  std::uint64_t warned_drops = 0;
  std::int64_t warned_at_ns = 0;
  std::string reported_failure;  ///< text of the last one logged, until a write succeeds
  std::thread thread;
};

/// Where answers wait for their events, events wait for room: however many a request has, the
/// writer makes it.
bool PredictionLog::State::push(std::uint64_t schema, RecordType type, std::size_t body_size,
                                const serving::PredictionEvent& event) noexcept {
  if (push_message(ring, schema, type, body_size, event)) return true;
  if (options.policy != LogPolicy::kBlock || !can_ever_push(ring, body_size)) return false;
  for (int i = 0; i < kRoomWaits; ++i) {
    if (is_failing.load(std::memory_order_acquire) || writer.is_stalled() || is_stopping.load())
      return false;
    const std::uint64_t freed = ring.freed();
    wake();
    {
      std::unique_lock guard(mutex);
      progress.wait_for(guard, kRoomWait, [&] {
        return ring.freed() != freed || is_failing.load(std::memory_order_acquire);
      });
    }
    if (push_message(ring, schema, type, body_size, event)) return true;
  }
  return false;
}

/// An event found no room. Whoever waits for the answers of this moment is told by `losses`.
void PredictionLog::State::lose(bool is_too_large) noexcept {
  dropped.add();
  if (is_too_large) oversized.fetch_add(1, std::memory_order_acq_rel);
  losses.fetch_add(1, std::memory_order_acq_rel);
}

void PredictionLog::State::wake() noexcept {
  if (is_woken.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  // An eventfd takes the eight bytes whole; should it refuse, the writer comes by itself soon.
  [[maybe_unused]] const ssize_t n = ::write(wake_event.get(), &one, sizeof one);
}

/// Whether somebody waits for what is not synced, and no attempt to do so has just failed.
bool PredictionLog::State::is_asked_for() {
  const std::lock_guard guard(mutex);
  return wanted > durable && failed_attempt != attempt;
}

/// False when woken before the time is over.
bool PredictionLog::State::sleep(int milliseconds) {
  pollfd watched{wake_event.get(), POLLIN, 0};
  if (::poll(&watched, 1, milliseconds) <= 0) return true;
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = ::read(wake_event.get(), &count, sizeof count);
  // Read as well: what was done before the wake that this one takes back is seen from here on.
  is_woken.exchange(false, std::memory_order_acq_rel);
  return false;
}

/// Returns when a sync is due.
void PredictionLog::State::wait() {
  // A message somebody waits for may still be under its writer's pen: look again at once.
  if (is_asked_for()) return std::this_thread::yield();
  if (is_stopping.load()) return;
  core::Micros interval = std::clamp<core::Micros>(options.sync_interval, 1000, 60'000'000);
  // Nobody is let in until a write succeeds, so nobody would wake the writer.
  const bool is_retry = is_failing.load(std::memory_order_relaxed);
  if (is_retry) interval = std::min(interval, kRetryInterval);
  auto left = static_cast<int>(interval / 1000);
  while (is_busy && !is_retry && left > kGatherMs) {
    if (!sleep(kGatherMs)) return;
    left -= kGatherMs;
    if (!writer.gather()) return;  // the sync will meet the same failure, and reports it
  }
  sleep(left);
}

void PredictionLog::State::run() {
  while (true) {
    wait();
    const bool is_last = is_stopping.load();
    cycle(is_last);
    if (is_last) {
      settle_waiters(true);
      give_up_rest();
    }
    warn_about_losses();
    if (is_last) return;
  }
}

/// At the end, what could not be written is counted as lost.
void PredictionLog::State::give_up_rest() {
  while (const auto message = ring.next()) {
    if (read_message(*message).type == RecordType::kPrediction) dropped.add();
  }
}

/// Lets go the answers whose events are durable; after a failure the others are refused.
void PredictionLog::State::settle_waiters(bool is_failed) noexcept {
  std::uint64_t reached = 0;
  {
    const std::lock_guard guard(mutex);
    reached = durable;
    const auto held = std::partition(waiters.begin(), waiters.end(), [&](const Waiter& waiter) {
      return !is_failed && waiter.position > reached;
    });
    settled.assign(std::make_move_iterator(held), std::make_move_iterator(waiters.end()));
    waiters.erase(held, waiters.end());
  }
  for (const Waiter& waiter : settled) {
    const bool is_recorded = waiter.position <= reached;
    if (!is_recorded) refused.add();
    waiter.done(is_recorded);
  }
  settled.clear();
}

/// A disk that stays full fails at every attempt; one line in the log says so.
void PredictionLog::State::report_failure(const core::Error& error) {
  failures.add();
  if (error.message == reported_failure) return;
  reported_failure = error.message;
  core::log_error("monitoring", "the prediction log cannot be written; it will be tried again",
                  {{"error.message", error.message}});
}

/// Syncs what is in the ring when it begins. What comes meanwhile is for the next one: under load
/// there is always more, and a writer that followed it would sync without a pause.
void PredictionLog::State::cycle(bool is_last) {
  const std::uint64_t target = ring.reserved();
  std::uint64_t number = 0;
  {
    const std::lock_guard guard(mutex);
    number = ++attempt;
  }
  is_busy = false;
  while (true) {
    const auto synced = writer.sync();
    if (!synced) {
      report_failure(synced.error());
      is_failing.store(true, std::memory_order_release);
      {
        const std::lock_guard guard(mutex);
        failure = synced.error();
        failed_attempt = number;
        wanted = durable;
        progress.notify_all();
      }
      return settle_waiters(true);
    }
    if (synced->predictions > 0) {
      written.add(synced->predictions);
      is_failing.store(false, std::memory_order_release);
      reported_failure.clear();
    }
    {
      const std::lock_guard guard(mutex);
      durable = ring.freed();
      progress.notify_all();
    }
    settle_waiters(false);
    if (synced->messages == 0) return;
    is_busy = true;
    if (!is_last && ring.freed() >= target) return;
  }
}

void PredictionLog::State::warn_about_losses() {
  const std::uint64_t drops = dropped.value();
  const std::int64_t now = clock.monotonic_ns();
  if (drops == warned_drops || (warned_drops != 0 && now - warned_at_ns < kWarningIntervalNs)) {
    return;
  }
  core::log_warn("monitoring", "the buffer of the prediction log was full; predictions are lost",
                 {{"dropped", static_cast<std::int64_t>(drops - warned_drops)},
                  {"dropped_total", static_cast<std::int64_t>(drops)}});
  warned_drops = drops;
  warned_at_ns = now;
}

PredictionLog::PredictionLog(std::unique_ptr<State> state) : state_(std::move(state)) {}

core::Result<std::unique_ptr<PredictionLog>> PredictionLog::open(PredictionLogOptions options,
                                                                 const core::Clock& clock,
                                                                 core::MetricRegistry& metrics) {
  if (options.segment_max < kSegmentMin) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("segment_max is {}, expected at least {} bytes",
                                   options.segment_max, kSegmentMin)};
  }
  auto state = std::make_unique<State>(std::move(options), clock, metrics);
  const std::filesystem::path& folder = state->options.folder;
  if (auto made = core::make_directories(folder); !made) return std::move(made).error();
  const std::filesystem::path lock = folder / "lock";
  state->lock = core::Descriptor(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (state->lock.get() < 0) return core::system_error(errno, "open", lock);
  if (::flock(state->lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return core::Error{core::ErrorCode::kConflict,
                       fmt::format("{}: another process writes this prediction log; give each "
                                   "server its own monitoring.prediction_log.path",
                                   folder.string())};
  }
  auto segments = list_segments(folder);
  if (!segments) return std::move(segments).error();
  if (!segments->empty()) {
    if (auto cut = cut_torn_tail(segments->back()); !cut) {
      return std::move(cut).error().within(segments->back().path.string());
    }
    state->writer.set_next_segment(segments->back().number + 1);
  }
  // Nor may it take the number of one whose files are all that is left of it.
  const auto archived = list_archive(folder);
  if (!archived) return archived.error();
  if (!archived->empty())
    state->writer.set_next_segment(
        std::max(state->writer.next_segment(), archived->back().segment + 1));
  state->wake_event = core::Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (state->wake_event.get() < 0) return core::system_error(errno, "make an eventfd for", folder);
  state->thread = std::thread([raw = state.get()] { raw->run(); });
  return std::unique_ptr<PredictionLog>(new PredictionLog(std::move(state)));
}

PredictionLog::~PredictionLog() {
  state_->is_stopping.store(true);
  state_->wake();
  state_->thread.join();
}

void PredictionLog::append(const serving::PredictionEvent& event) noexcept {
  State& state = *state_;
  const std::uint64_t schema = schema_hash(event);
  if (!state.known.has(schema)) {
    const std::size_t size = schema_body_size(event);
    if (!state.push(schema, RecordType::kSchema, size, event))
      return state.lose(!can_ever_push(state.ring, size));
    state.known.add(schema);
  }
  const std::size_t size = prediction_body_size(event);
  if (!state.push(schema, RecordType::kPrediction, size, event))
    state.lose(!can_ever_push(state.ring, size));
  if (state.ring.reserved() - state.ring.freed() > state.ring.capacity() / 2) state.wake();
}

const std::filesystem::path& PredictionLog::folder() const {
  return state_->options.folder;
}

core::Result<> PredictionLog::flush() {
  State& state = *state_;
  const std::uint64_t target = state.ring.reserved();
  std::unique_lock lock(state.mutex);
  if (state.durable >= target) return {};
  const std::uint64_t seen = state.attempt;
  state.wanted = std::max(state.wanted, target);
  state.wake();
  state.progress.wait(lock, [&] { return state.durable >= target || state.failed_attempt > seen; });
  if (state.durable >= target) return {};
  return state.failure;
}

std::optional<serving::AnswerGate::Ticket> PredictionLog::begin() noexcept {
  State& state = *state_;
  // Room is left for the events of requests that are inside already.
  const std::uint64_t used = state.ring.reserved() - state.ring.freed();
  if (!state.is_failing.load(std::memory_order_acquire) && !state.writer.is_stalled() &&
      used <= state.ring.capacity() / 4 * 3)
    return state.lost_so_far();
  state.refused.add();
  return std::nullopt;
}

bool PredictionLog::was_too_large(Ticket ticket) const noexcept {
  return state_->lost_so_far() >> 32 != ticket >> 32;
}

void PredictionLog::when_recorded(Ticket ticket, std::function<void(bool)> done) noexcept {
  State& state = *state_;
  // Whose event was lost is not known; under such pressure it may cost another request its answer.
  bool is_recorded = state.lost_so_far() == ticket;
  bool is_waiting = false;
  if (is_recorded) {
    const std::uint64_t position = state.ring.reserved();
    const std::lock_guard guard(state.mutex);
    if (state.durable < position) {
      try {
        state.waiters.push_back({position, done});
        is_waiting = true;
        state.wanted = std::max(state.wanted, position);
      } catch (const std::bad_alloc&) {
        is_recorded = false;
      }
    }
  }
  if (is_waiting) return state.wake();
  if (!is_recorded) state.refused.add();
  done(is_recorded);
}

}  // namespace tenure::monitoring
