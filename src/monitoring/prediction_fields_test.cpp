// The optional fields of a logged prediction: what a record may say beside its features, now and in
// versions to come.

#include <cstring>

#include <gtest/gtest.h>

#include "monitoring/crc32c.h"
#include "monitoring/prediction_log_test_data.h"
#include "monitoring/prediction_record.h"
#include "monitoring/segment_file.h"

namespace tenure::monitoring {
namespace {

using testing::OwnedEvent;

constexpr std::string_view kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string payload(RecordType type, std::size_t size) {
  std::string bytes(kRecordLeadSize + size, '\0');
  bytes[0] = static_cast<char>(type);
  return bytes;
}

/// A decoder that has read the schema of `event`.
RecordDecoder decoder_of(const serving::PredictionEvent& event) {
  std::string bytes = payload(RecordType::kSchema, schema_body_size(event));
  write_schema_body(event, bytes.data() + kRecordLeadSize);
  RecordDecoder decoder;
  LoggedPrediction ignored;
  EXPECT_TRUE(decoder.decode(bytes, ignored).has_value());
  return decoder;
}

std::string record_of(const serving::PredictionEvent& event) {
  std::string bytes = payload(RecordType::kPrediction, prediction_body_size(event));
  write_prediction_body(event, bytes.data() + kRecordLeadSize);
  return bytes;
}

serving::PredictionEvent traced(const OwnedEvent& owned) {
  serving::PredictionEvent event = owned.view();
  event.trace = *core::parse_traceparent(kTraceparent);
  return event;
}

TEST(PredictionFields, GiveBackTheTraceOfARequest) {
  const OwnedEvent owned;
  const serving::PredictionEvent event = traced(owned);
  RecordDecoder decoder = decoder_of(event);
  LoggedPrediction read;
  ASSERT_TRUE(decoder.decode(record_of(event), read).value());
  EXPECT_EQ(read.trace, event.trace);
  // The same object is read into again and again: nothing of the record before may stay.
  ASSERT_TRUE(decoder.decode(record_of(owned.view()), read).value());
  EXPECT_FALSE(read.trace.is_set());
}

TEST(PredictionFields, CostNothingWhenThereAreNone) {
  const OwnedEvent owned;
  EXPECT_EQ(prediction_body_size(traced(owned)), prediction_body_size(owned.view()) + 27);
}

TEST(PredictionFields, TellTheControlGroupFromWhoMayGetOffers) {
  const OwnedEvent owned;
  serving::PredictionEvent event = owned.view();
  RecordDecoder decoder = decoder_of(event);
  LoggedPrediction read;
  const auto group_of = [&](serving::CampaignGroup group) {
    event.group = group;
    EXPECT_TRUE(decoder.decode(record_of(event), read).value_or(false));
    return read.group;
  };
  EXPECT_EQ(group_of(serving::CampaignGroup::kControl), "control");
  EXPECT_EQ(prediction_body_size(event), prediction_body_size(owned.view()) + 3);
  EXPECT_EQ(group_of(serving::CampaignGroup::kTarget), "target");
  EXPECT_EQ(group_of(serving::CampaignGroup::kNone), "") << "as in records before there was one";
}

TEST(PredictionFields, OfLaterProgramsArePassedOver) {
  const OwnedEvent owned;
  const serving::PredictionEvent event = traced(owned);
  RecordDecoder decoder = decoder_of(event);
  const std::string unknown = std::string("\xb9\x60\x03", 3) + "abc";  // number 12345, three bytes
  LoggedPrediction read;
  ASSERT_TRUE(decoder.decode(record_of(event) + unknown, read).value_or(false));
  EXPECT_EQ(read.trace, event.trace);
  EXPECT_EQ(read.features.size(), event.features.size());
}

TEST(PredictionFields, MayHaveGrownAtTheirEnd) {
  const OwnedEvent owned;
  const serving::PredictionEvent event = traced(owned);
  std::string bytes = record_of(event);
  bytes[bytes.size() - 26] = 26;  // the field's length
  bytes += 'x';
  RecordDecoder decoder = decoder_of(event);
  LoggedPrediction read;
  ASSERT_TRUE(decoder.decode(bytes, read).value_or(false));
  EXPECT_EQ(read.trace, event.trace);
}

TEST(PredictionFields, ThatEndEarlyRepeatOrStandOutOfTurnAreDamage) {
  const OwnedEvent owned;
  const serving::PredictionEvent event = traced(owned);
  RecordDecoder decoder = decoder_of(event);
  const std::string whole = record_of(event);
  const std::size_t plain = whole.size() - 27;
  LoggedPrediction read;
  for (std::size_t size = plain + 1; size < whole.size(); ++size)
    EXPECT_FALSE(decoder.decode(whole.substr(0, size), read).has_value()) << size;
  EXPECT_FALSE(decoder.decode(whole + whole.substr(plain), read).has_value());
  std::string short_field = whole.substr(0, plain) + std::string("\x01\x02zz", 4);
  EXPECT_FALSE(decoder.decode(short_field, read).has_value());
  EXPECT_FALSE(decoder.decode(whole.substr(0, plain) + std::string(2, '\0'), read).has_value());
}

TEST(PredictionFields, AreMissingInLogsOfTheFirstFormat) {
  const storage::testing::TemporaryFolder folder;
  const OwnedEvent owned;
  std::string bytes = segment_header(1);
  bytes[8] = 1;
  const std::uint32_t checksum = crc32c(std::string_view(bytes).substr(0, 28));
  std::memcpy(bytes.data() + 28, &checksum, sizeof checksum);
  std::string schema = payload(RecordType::kSchema, schema_body_size(owned.view()));
  write_schema_body(owned.view(), schema.data() + kRecordLeadSize);
  append_frame(bytes, schema.substr(0, kRecordLeadSize), schema.substr(kRecordLeadSize));
  const std::string record = record_of(owned.view());
  append_frame(bytes, record.substr(0, kRecordLeadSize), record.substr(kRecordLeadSize));
  ASSERT_TRUE(
      core::write_file_atomically(folder.path() / "predictions-0000000001.log", bytes).has_value());
  core::Error error;
  const auto read = testing::read_all(folder.path(), &error);
  EXPECT_EQ(error.message, "");
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].prediction_id, owned.id);
  EXPECT_FALSE(read[0].trace.is_set());
}

}  // namespace
}  // namespace tenure::monitoring
