#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/cell.h"
#include "serving/prediction_sink.h"

namespace tenure::serving {

/// A prediction to be made again by a shadow: what the champion saw and said.
struct ShadowRow {
  char prediction_id[36] = {};
  std::string entity_id;
  std::int64_t version = 0;
  float probability = 0;
  bool is_positive = false;
  Level level = Level::kPrimary;
  std::vector<data::Cell> cells;  ///< of the model's inputs; texts are in `texts`
  std::string texts;
};

/// A sink that hands every event on, and keeps a copy for the shadows in a bounded queue: when that
/// is full, or the event is huge, the copy is dropped and counted; nobody waits. Takes no lock, and
/// asks the heap for nothing, unless a model has more than 64 inputs or long texts: then a slot
/// grows once. append() from any thread, take() from one.
class ShadowTap final : public PredictionSink {
 public:
  /// `sink` may be null. `capacity` is rounded up to a power of two.
  explicit ShadowTap(PredictionSink* sink, std::size_t capacity = 1024);

  void append(const PredictionEvent& event) noexcept override;

  /// Swaps the oldest copy into `row`; false when there is none.
  bool take(ShadowRow& row);

  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  /// Bounded queue of D. Vyukov: a slot's turn says whose it is.
  struct Slot {
    std::atomic<std::size_t> turn{0};
    ShadowRow row;
  };
  void keep(const PredictionEvent& event) noexcept;

  PredictionSink* sink_;
  std::size_t mask_;
  std::unique_ptr<Slot[]> slots_;
  alignas(64) std::atomic<std::size_t> head_{0};  ///< next to write
  alignas(64) std::size_t tail_ = 0;              ///< next to read
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace tenure::serving
