#include "serving/shadow_tap.h"

#include <algorithm>
#include <bit>
#include <string_view>

namespace tenure::serving {
namespace {

/// What longer texts would make of a queue's memory is not worth a comparison.
constexpr std::size_t kTextsMax = 16 * 1024;
/// More than a std::string holds within itself, so that its bytes stay where they are when it is
/// moved.
constexpr std::size_t kTextsMin = 512;
constexpr std::size_t kCellsMin = 64;
constexpr std::size_t kIdMin = 64;

std::size_t texts_size(const PredictionEvent& event) {
  std::size_t size = event.entity_id.size();
  for (const data::Cell& cell : event.features)
    if (cell.kind == data::Cell::Kind::kText) size += cell.text.size();
  return size;
}

void copy(const PredictionEvent& event, std::size_t size, ShadowRow& row) {
  std::ranges::copy(event.prediction_id.substr(0, sizeof row.prediction_id), row.prediction_id);
  row.entity_id.assign(event.entity_id);
  row.version = event.version;
  row.probability = event.probability;
  row.is_positive = event.is_positive;
  row.level = event.level;
  row.texts.clear();
  row.texts.reserve(std::max(size, kTextsMin));  // views into it are made below
  row.cells.assign(event.features.begin(), event.features.end());
  for (data::Cell& cell : row.cells) {
    if (cell.kind != data::Cell::Kind::kText) continue;
    const std::size_t begin = row.texts.size();
    row.texts.append(cell.text);
    cell.text = std::string_view(row.texts).substr(begin);
  }
}

}  // namespace

ShadowTap::ShadowTap(PredictionSink* sink, std::size_t capacity)
    : sink_(sink),
      mask_(std::bit_ceil(std::max<std::size_t>(capacity, 2)) - 1),
      slots_(std::make_unique<Slot[]>(mask_ + 1)) {
  for (std::size_t i = 0; i <= mask_; ++i) {
    slots_[i].turn.store(i, std::memory_order_relaxed);
    ShadowRow& row = slots_[i].row;
    row.cells.reserve(kCellsMin);
    row.texts.reserve(kTextsMin);
    row.entity_id.reserve(kIdMin);
  }
}

void ShadowTap::append(const PredictionEvent& event) noexcept {
  if (sink_ != nullptr) sink_->append(event);
  keep(event);
}

void ShadowTap::keep(const PredictionEvent& event) noexcept {
  const std::size_t size = texts_size(event);
  if (size > kTextsMax) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  std::size_t place = head_.load(std::memory_order_relaxed);
  for (;;) {
    Slot& slot = slots_[place & mask_];
    const std::size_t turn = slot.turn.load(std::memory_order_acquire);
    if (turn == place) {
      if (!head_.compare_exchange_weak(place, place + 1, std::memory_order_relaxed)) continue;
      copy(event, size, slot.row);
      slot.turn.store(place + 1, std::memory_order_release);
      return;
    }
    if (turn < place) {  // still holds what was written a lap ago
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    place = head_.load(std::memory_order_relaxed);
  }
}

bool ShadowTap::take(ShadowRow& row) {
  Slot& slot = slots_[tail_ & mask_];
  if (slot.turn.load(std::memory_order_acquire) != tail_ + 1) return false;
  std::swap(row, slot.row);
  slot.turn.store(tail_ + mask_ + 1, std::memory_order_release);
  ++tail_;
  return true;
}

}  // namespace tenure::serving
