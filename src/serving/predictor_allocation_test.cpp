// The hot path asks the heap for nothing once it is warm: every operator new of this program is
// counted.

#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "serving/testing/served_world.h"

namespace {
std::atomic<std::uint64_t> allocations{0};  // NOLINT: what the replaced operators count in

void* counted(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* bytes = std::malloc(size == 0 ? 1 : size)) return bytes;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* bytes) noexcept {
  std::free(bytes);
}
void operator delete[](void* bytes) noexcept {
  std::free(bytes);
}
void operator delete(void* bytes, std::size_t) noexcept {
  std::free(bytes);
}
void operator delete[](void* bytes, std::size_t) noexcept {
  std::free(bytes);
}

namespace tenure::serving {
namespace {

using data::Cell;
using testing::ServedWorld;

class CountingSink final : public PredictionSink {
 public:
  void append(const PredictionEvent&) noexcept override { ++events; }
  int events = 0;
};

std::uint64_t allocations_of_100(Predictor& predictor, const ModelSnapshot& snapshot,
                                 std::span<const PredictRow> rows, PredictOptions options = {}) {
  Predictor::Scratch scratch;
  std::vector<Prediction> out(rows.size());
  for (int i = 0; i < 3; ++i) predictor.predict(snapshot, rows, scratch, out, options);
  const std::uint64_t before = allocations.load();
  for (int i = 0; i < 100; ++i) predictor.predict(snapshot, rows, scratch, out, options);
  return allocations.load() - before;
}

TEST(PredictorAllocation, AWarmPredictionAsksTheHeapForNothing) {
  ServedWorld world;
  CountingSink sink;
  Predictor predictor({world.clock, world.metrics, &sink});
  const auto snapshot = world.snapshot(1);
  predictor.swap(snapshot);
  const std::vector<Cell> all{Cell::of("b"), Cell::of(4.0)};
  const std::vector<Cell> some{Cell{}, Cell::of(4.0)};
  const std::vector<PredictRow> one{{.entity_id = "C-2", .given = {}}};
  const std::vector<PredictRow> many{{.entity_id = "C-1", .given = {}},
                                     {.entity_id = "", .given = all},
                                     {.entity_id = "C-9", .given = {}},
                                     {.entity_id = "C-3", .given = some},
                                     {.entity_id = "C-2", .given = all}};
  EXPECT_EQ(allocations_of_100(predictor, *snapshot, one), 0U);
  EXPECT_EQ(allocations_of_100(predictor, *snapshot, many), 0U);
  EXPECT_EQ(sink.events, 103 + 5 * 103);
  EXPECT_EQ(allocations_of_100(predictor, *snapshot, many, {.is_explained = true}), 0U);
  SnapshotCache cache;
  const std::uint64_t before = allocations.load();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(predictor.snapshot(cache)->version, 1);
  EXPECT_EQ(allocations.load(), before);
}

}  // namespace
}  // namespace tenure::serving
