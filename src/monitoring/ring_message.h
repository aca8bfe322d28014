#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "monitoring/event_ring.h"
#include "monitoring/prediction_record.h"
#include "serving/prediction_sink.h"

namespace tenure::monitoring {

/// What lies in the ring between those who predict and the writer of the log: the body of a record,
/// and in front of it whose schema it needs, and what it is.
struct RingMessage {
  std::uint64_t schema = 0;  ///< schema_hash() of the event
  RecordType type = RecordType::kPrediction;
  std::string_view body = {};
};

/// Puts the schema or the values of an event into the ring; `body_size`: of that record. False when
/// there is no room. Any thread.
bool push_message(EventRing& ring, std::uint64_t schema, RecordType type, std::size_t body_size,
                  const serving::PredictionEvent& event) noexcept;

/// Whether there is room for such a message when the ring is empty.
bool can_ever_push(const EventRing& ring, std::size_t body_size) noexcept;

/// A message as EventRing::next() gives it.
RingMessage read_message(std::string_view bytes);

}  // namespace tenure::monitoring
