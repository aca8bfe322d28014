#include "monitoring/ring_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "monitoring/prediction_record.h"
#include "monitoring/ring_message.h"

namespace tenure::monitoring {
namespace {

/// Written and synced at once; bounds how long room in the ring stays taken.
constexpr std::size_t kBatchMax = 4U * 1024 * 1024;

constexpr core::Micros kHour = 3600LL * core::kMicrosPerSecond;

/// A write under way for so long means that the disk hangs.
constexpr std::int64_t kStallNs = 2'000'000'000;

/// What a frame's payload begins with.
std::array<char, kRecordLeadSize> record_lead(RecordType type, std::uint32_t schema_number) {
  std::array<char, kRecordLeadSize> bytes{};
  bytes[0] = static_cast<char>(type);
  std::memcpy(bytes.data() + 1, &schema_number, sizeof schema_number);
  return bytes;
}

}  // namespace

bool RingWriter::is_stalled() const noexcept {
  const std::int64_t began = write_began_ns_.load(std::memory_order_relaxed);
  return began != kNotWriting && clock_.monotonic_ns() - began > kStallNs;
}

core::Result<> RingWriter::gather() {
  write_began_ns_.store(clock_.monotonic_ns(), std::memory_order_relaxed);
  auto taken = take();
  write_began_ns_.store(kNotWriting, std::memory_order_relaxed);
  return taken;
}

core::Result<RingWriter::Synced> RingWriter::sync() {
  write_began_ns_.store(clock_.monotonic_ns(), std::memory_order_relaxed);
  auto synced = take_and_sync();
  write_began_ns_.store(kNotWriting, std::memory_order_relaxed);
  return synced;
}

core::Result<> RingWriter::take() {
  // Only the start of a batch asks the disk for a new segment, and only when there is something.
  if (unsynced_.messages == 0) {
    if (ring_.reserved() == ring_.freed()) return {};
    if (auto opened = open_segment(); !opened) return opened;
    schemas_before_ = segment_schemas_.size();
  }
  batch_.clear();
  fill_batch();
  if (batch_.empty()) return {};
  auto added = segment_.write(batch_);
  if (!added) abandon();
  return added;
}

core::Result<RingWriter::Synced> RingWriter::take_and_sync() {
  if (auto taken = take(); !taken) return std::move(taken).error();
  if (unsynced_.messages == 0) return Synced{};
  if (unsynced_.predictions > 0) {
    if (auto synced = segment_.sync(); !synced) {
      abandon();
      return std::move(synced).error();
    }
  }
  ring_.release();
  return std::exchange(unsynced_, {});
}

void RingWriter::abandon() {
  segment_schemas_.resize(schemas_before_);
  ring_.rewind();
  unsynced_ = {};
}

core::Result<> RingWriter::open_segment() {
  const core::Micros now = clock_.now();
  if (segment_.is_open() && segment_.size() < segment_max_ && now / kHour == segment_hour_)
    return {};
  segment_.close();
  segment_schemas_.clear();
  segment_hour_ = now / kHour;
  if (auto created = segment_.create(folder_, next_segment_, now); !created) {
    // A file of that number that is not ours: take the next one at the next attempt.
    if (created.error().code == core::ErrorCode::kConflict) ++next_segment_;
    return created;
  }
  ++next_segment_;
  return {};
}

void RingWriter::fill_batch() {
  while (batch_.size() < kBatchMax && segment_.size() + batch_.size() < segment_max_) {
    const auto bytes = ring_.next();
    if (!bytes) break;
    add_message(*bytes);
    ++unsynced_.messages;
  }
}

void RingWriter::add_message(std::string_view bytes) {
  const RingMessage message = read_message(bytes);
  if (message.type == RecordType::kSchema) {
    schema_bodies_.insert_or_assign(message.schema, std::string(message.body));
    return;
  }
  const auto found = std::ranges::find(segment_schemas_, message.schema);
  const auto number = static_cast<std::uint32_t>(found - segment_schemas_.begin());
  if (found == segment_schemas_.end()) {
    const auto lead = record_lead(RecordType::kSchema, number);
    append_frame(batch_, {lead.data(), lead.size()}, schema_bodies_.at(message.schema));
    segment_schemas_.push_back(message.schema);
  }
  const auto lead = record_lead(RecordType::kPrediction, number);
  append_frame(batch_, {lead.data(), lead.size()}, message.body);
  if (message.type == RecordType::kPrediction) ++unsynced_.predictions;
}

}  // namespace tenure::monitoring
