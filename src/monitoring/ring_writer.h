#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "monitoring/event_ring.h"
#include "monitoring/segment_file.h"

namespace tenure::monitoring {

/// The reader of the ring: frames its messages, writes them to segments and syncs these. A segment
/// has each schema before the first record that needs it, and the records of an hour at most. One
/// thread, unless said.
class RingWriter {
 public:
  /// The ring and the clock are borrowed.
  RingWriter(EventRing& ring, const core::Clock& clock, std::filesystem::path folder,
             std::uint64_t segment_max)
      : ring_(ring), clock_(clock), folder_(std::move(folder)), segment_max_(segment_max) {}

  /// The number of the next segment; 1 before. Not once it writes.
  void set_next_segment(std::uint64_t number) { next_segment_ = number; }
  std::uint64_t next_segment() const { return next_segment_; }

  /// Takes messages out of the ring and writes them; their room is not free yet. After an error all
  /// that was not synced is in the ring again.
  core::Result<> gather();

  struct Synced {
    std::size_t messages = 0;
    std::uint64_t predictions = 0;  ///< of these; the others are schemas
  };
  /// As gather(); then syncs all that was gathered, and only then frees its room.
  core::Result<Synced> sync();

  /// Whether what it does hangs on the disk. Any thread.
  bool is_stalled() const noexcept;

 private:
  static constexpr std::int64_t kNotWriting = std::numeric_limits<std::int64_t>::min();

  core::Result<> take();
  core::Result<Synced> take_and_sync();
  core::Result<> open_segment();
  void fill_batch();
  void add_message(std::string_view bytes);
  void abandon();

  EventRing& ring_;
  const core::Clock& clock_;
  std::filesystem::path folder_;
  std::uint64_t segment_max_;
  SegmentWriter segment_;
  std::uint64_t next_segment_ = 1;
  core::Micros segment_hour_ = 0;               ///< so that it can be archived
  std::vector<std::uint64_t> segment_schemas_;  ///< hash by number within the segment
  std::unordered_map<std::uint64_t, std::string> schema_bodies_;
  std::string batch_;
  /// What is out of the ring and in the segment, but not synced: after a failure it is done again.
  Synced unsynced_;
  std::size_t schemas_before_ = 0;                         ///< of segment_schemas_, without it
  std::atomic<std::int64_t> write_began_ns_{kNotWriting};  ///< of the write under way
};

}  // namespace tenure::monitoring
