#include "monitoring/ring_message.h"

#include <cstring>

#include "monitoring/segment_file.h"

namespace tenure::monitoring {
namespace {

constexpr std::size_t kLeadSize = sizeof(std::uint64_t) + 1;

}  // namespace

bool push_message(EventRing& ring, std::uint64_t schema, RecordType type, std::size_t body_size,
                  const serving::PredictionEvent& event) noexcept {
  if (body_size + kRecordLeadSize > kPayloadMax) return false;
  const std::size_t size = kLeadSize + body_size;
  char* const message = ring.reserve(size);
  if (message == nullptr) return false;
  std::memcpy(message, &schema, sizeof schema);
  message[sizeof schema] = static_cast<char>(type);
  if (type == RecordType::kSchema) {
    write_schema_body(event, message + kLeadSize);
  } else {
    write_prediction_body(event, message + kLeadSize);
  }
  ring.commit(message, size);
  return true;
}

bool can_ever_push(const EventRing& ring, std::size_t body_size) noexcept {
  return body_size + kRecordLeadSize <= kPayloadMax && ring.can_ever_fit(kLeadSize + body_size);
}

RingMessage read_message(std::string_view bytes) {
  RingMessage message;
  std::memcpy(&message.schema, bytes.data(), sizeof message.schema);
  message.type = static_cast<RecordType>(bytes[sizeof message.schema]);
  message.body = bytes.substr(kLeadSize);
  return message;
}

}  // namespace tenure::monitoring
