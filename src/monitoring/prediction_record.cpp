#include "monitoring/prediction_record.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <type_traits>

#include <fmt/format.h>

namespace tenure::monitoring {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the log is written as it lies in memory");

/// How a feature value is written: the smallest form that gives back the same bits.
enum class CellTag : std::uint8_t {
  kAbsent = 0,
  kNull = 1,
  kDouble = 2,
  kText = 3,
  kFloat = 4,  ///< a double that a float32 holds exactly
  kInt8 = 5,   ///< a whole number from -128 to 127
};

constexpr std::uint8_t kIsPositive = 1;
constexpr std::uint8_t kHasUuid = 2;
constexpr std::uint8_t kHasReason = 4;
constexpr std::size_t kUuidTextSize = 36;

/// The two ends of the same encoder: one counts, one writes.
struct ByteCounter {
  std::size_t size = 0;
  void put(const void*, std::size_t n) noexcept { size += n; }
};
struct ByteWriter {
  char* at;
  void put(const void* bytes, std::size_t n) noexcept {
    if (n != 0) std::memcpy(at, bytes, n);
    at += n;
  }
};

template <typename Out, typename T>
void put_value(Out& out, T value) noexcept {
  static_assert(std::is_arithmetic_v<T>);
  out.put(&value, sizeof value);
}

template <typename Out>
void put_count(Out& out, std::uint64_t count) noexcept {
  while (count >= 0x80) {
    put_value(out, static_cast<std::uint8_t>(count | 0x80));
    count >>= 7;
  }
  put_value(out, static_cast<std::uint8_t>(count));
}

template <typename Out>
void put_text(Out& out, std::string_view text) noexcept {
  put_count(out, text.size());
  out.put(text.data(), text.size());
}

/// Value of each lower-case hexadecimal digit; ff for all other bytes.
constexpr std::array<std::uint8_t, 256> kHexValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(0xff);
  for (std::uint8_t i = 0; i < 16; ++i)
    values[static_cast<std::uint8_t>("0123456789abcdef"[i])] = i;
  return values;
}();

constexpr bool is_dash_position(std::size_t i) {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

/// The 16 bytes of a UUID in its usual lower-case form; anything else is kept as text.
bool parse_uuid(std::string_view text, std::array<std::uint8_t, 16>& bytes) noexcept {
  if (text.size() != kUuidTextSize) return false;
  std::uint8_t seen = 0;  // has a high bit once a digit was none
  std::size_t at = 0;
  for (std::uint8_t& byte : bytes) {
    if (is_dash_position(at) && text[at++] != '-') return false;
    const std::uint8_t high = kHexValues[static_cast<std::uint8_t>(text[at])];
    const std::uint8_t low = kHexValues[static_cast<std::uint8_t>(text[at + 1])];
    seen = static_cast<std::uint8_t>(seen | high | low);
    byte = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  return seen < 16;
}

std::string format_uuid(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    if (is_dash_position(text.size())) text += '-';
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

bool has_same_bits(double a, double b) noexcept {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

template <typename Out>
void put_number(Out& out, double number) noexcept {
  if (number >= -128 && number <= 127) {
    const auto small = static_cast<std::int8_t>(number);
    if (has_same_bits(static_cast<double>(small), number)) {
      put_value(out, static_cast<std::uint8_t>(CellTag::kInt8));
      put_value(out, small);
      return;
    }
  }
  // Values beyond float32 would overflow in the conversion; NaN keeps its bits as a double.
  if (number > -3e38 && number < 3e38) {
    const auto narrow = static_cast<float>(number);
    if (has_same_bits(static_cast<double>(narrow), number)) {
      put_value(out, static_cast<std::uint8_t>(CellTag::kFloat));
      put_value(out, narrow);
      return;
    }
  }
  put_value(out, static_cast<std::uint8_t>(CellTag::kDouble));
  put_value(out, number);
}

template <typename Out>
void put_cell(Out& out, const data::Cell& cell) noexcept {
  switch (cell.kind) {
    case data::Cell::Kind::kAbsent:
      return put_value(out, static_cast<std::uint8_t>(CellTag::kAbsent));
    case data::Cell::Kind::kNull:
      return put_value(out, static_cast<std::uint8_t>(CellTag::kNull));
    case data::Cell::Kind::kNumber:
      return put_number(out, cell.number);
    case data::Cell::Kind::kText:
      put_value(out, static_cast<std::uint8_t>(CellTag::kText));
      return put_text(out, cell.text);
  }
}

template <typename Out>
void put_schema(Out& out, const serving::PredictionEvent& event) noexcept {
  put_value(out, event.version);
  put_text(out, event.model);
  put_count(out, event.feature_names.size());
  for (const std::string_view name : event.feature_names) put_text(out, name);
}

/// One optional field: tag, length, and what `write` puts.
template <typename Out, typename Write>
void put_field(Out& out, FieldTag tag, const Write& write) noexcept {
  ByteCounter counter;
  write(counter);
  put_count(out, static_cast<std::uint64_t>(tag));
  put_count(out, counter.size);
  write(out);
}

/// In the order of their tags.
template <typename Out>
void put_optional_fields(Out& out, const serving::PredictionEvent& event) noexcept {
  if (event.trace.is_set()) {
    put_field(out, FieldTag::kTrace, [&](auto& to) {
      to.put(event.trace.trace_id.data(), event.trace.trace_id.size());
      to.put(event.trace.span_id.data(), event.trace.span_id.size());
      put_value(to, static_cast<std::uint8_t>(event.trace.is_sampled ? 1 : 0));
    });
  }
  if (!event.variant.empty() || event.is_shadow) {
    put_field(out, FieldTag::kVariant, [&](auto& to) {
      put_value(to, static_cast<std::uint8_t>(event.is_shadow ? 1 : 0));
      put_text(to, event.variant);
    });
  }
  if (event.group != serving::CampaignGroup::kNone) {
    put_field(out, FieldTag::kGroup,
              [&](auto& to) { put_value(to, static_cast<std::uint8_t>(event.group)); });
  }
}

template <typename Out>
void put_prediction(Out& out, const serving::PredictionEvent& event) noexcept {
  std::array<std::uint8_t, 16> uuid{};
  const bool has_uuid = parse_uuid(event.prediction_id, uuid);
  put_value(out, static_cast<std::uint8_t>((event.is_positive ? kIsPositive : 0) |
                                           (has_uuid ? kHasUuid : 0) |
                                           (event.reason.empty() ? 0 : kHasReason)));
  put_value(out, static_cast<std::uint8_t>(event.level));
  if (has_uuid) {
    out.put(uuid.data(), uuid.size());
  } else {
    put_text(out, event.prediction_id);
  }
  put_value(out, event.time);
  put_value(out, event.features_time);
  put_value(out, event.margin);
  put_value(out, event.probability);
  put_value(out, event.latency_us);
  put_text(out, event.entity_id);
  if (!event.reason.empty()) put_text(out, event.reason);
  const std::size_t count = std::min(event.features.size(), event.feature_names.size());
  put_count(out, count);
  for (const data::Cell& cell : event.features.first(count)) put_cell(out, cell);
  put_optional_fields(out, event);
}

/// Takes values off a payload; after a failure everything it gives is zero.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view rest) : rest_(rest) {}

  template <typename T>
  T value() {
    T result{};
    if (rest_.size() < sizeof(T)) {
      is_good_ = false;
      rest_ = {};
      return result;
    }
    std::memcpy(&result, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return result;
  }

  std::uint64_t count() {
    std::uint64_t result = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      const auto byte = value<std::uint8_t>();
      result |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return result;
    }
    is_good_ = false;
    return 0;
  }

  std::string_view bytes(std::uint64_t size) {
    if (size > rest_.size()) {
      is_good_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view result = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return result;
  }
  std::string_view text() { return bytes(count()); }

  bool is_good() const { return is_good_; }
  bool is_at_end() const { return is_good_ && rest_.empty(); }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool is_good_ = true;
};

core::Error corrupt(std::string_view what) {
  return core::Error{core::ErrorCode::kCorruption, std::string(what)};
}

bool read_cell(PayloadReader& reader, LoggedPrediction::Feature& feature) {
  feature.kind = data::Cell::Kind::kNumber;
  feature.number = 0;
  feature.text.clear();
  switch (static_cast<CellTag>(reader.value<std::uint8_t>())) {
    case CellTag::kAbsent:
      feature.kind = data::Cell::Kind::kAbsent;
      break;
    case CellTag::kNull:
      feature.kind = data::Cell::Kind::kNull;
      break;
    case CellTag::kDouble:
      feature.number = reader.value<double>();
      break;
    case CellTag::kFloat:
      feature.number = static_cast<double>(reader.value<float>());
      break;
    case CellTag::kInt8:
      feature.number = reader.value<std::int8_t>();
      break;
    case CellTag::kText:
      feature.kind = data::Cell::Kind::kText;
      feature.text = reader.text();
      break;
    default:
      return false;
  }
  return reader.is_good();
}

core::Result<RecordSchema> read_schema(PayloadReader& reader) {
  RecordSchema schema;
  schema.version = reader.value<std::int64_t>();
  schema.model = reader.text();
  const std::uint64_t count = reader.count();
  if (count > reader.left()) return corrupt("a schema with more names than bytes");
  for (std::uint64_t i = 0; i < count; ++i) schema.names.emplace_back(reader.text());
  if (!reader.is_at_end()) return corrupt("a schema of the wrong length");
  return schema;
}

/// Of a group that a later program has made: none.
std::string_view group_name(serving::CampaignGroup group) {
  if (group == serving::CampaignGroup::kControl) return "control";
  return group == serving::CampaignGroup::kTarget ? "target" : "";
}

/// What lies behind the bytes this program knows of a field is what it has grown by since.
void read_optional_field(FieldTag tag, PayloadReader& reader, LoggedPrediction& out) {
  switch (tag) {
    case FieldTag::kTrace: {
      const std::string_view trace_id = reader.bytes(out.trace.trace_id.size());
      const std::string_view span_id = reader.bytes(out.trace.span_id.size());
      std::ranges::copy(trace_id, out.trace.trace_id.begin());
      std::ranges::copy(span_id, out.trace.span_id.begin());
      out.trace.is_sampled = (reader.value<std::uint8_t>() & 1) != 0;
      break;
    }
    case FieldTag::kVariant:
      out.is_shadow = (reader.value<std::uint8_t>() & 1) != 0;
      out.variant = reader.text();
      break;
    case FieldTag::kGroup: {
      const auto group = static_cast<serving::CampaignGroup>(reader.value<std::uint8_t>());
      out.group = group_name(group);
      break;
    }
  }
}

core::Result<> read_optional_fields(PayloadReader& reader, LoggedPrediction& out) {
  out.trace = {};
  out.variant.clear();
  out.is_shadow = false;
  out.group.clear();
  std::uint64_t last = 0;
  while (!reader.is_at_end()) {
    const std::uint64_t tag = reader.count();
    PayloadReader field(reader.text());
    if (!reader.is_good()) return corrupt("a prediction of the wrong length");
    if (tag <= last) return corrupt(fmt::format("the optional field {} out of turn", tag));
    last = tag;
    read_optional_field(static_cast<FieldTag>(tag), field, out);
    if (!field.is_good()) return corrupt(fmt::format("the optional field {} is too short", tag));
  }
  return {};
}

core::Result<> read_prediction(PayloadReader& reader, const RecordSchema& schema,
                               LoggedPrediction& out) {
  const auto flags = reader.value<std::uint8_t>();
  const auto level = reader.value<std::uint8_t>();
  out.is_positive = (flags & kIsPositive) != 0;
  out.level = static_cast<serving::Level>(level);
  if (std::ranges::find(serving::kAllLevels, out.level) == serving::kAllLevels.end()) {
    return corrupt(fmt::format("the unknown level {}", level));
  }
  if ((flags & kHasUuid) != 0) {
    out.prediction_id = format_uuid(reader.bytes(16));
  } else {
    out.prediction_id = reader.text();
  }
  out.model = schema.model;
  out.version = schema.version;
  out.time = reader.value<core::Micros>();
  out.features_time = reader.value<core::Micros>();
  out.margin = reader.value<float>();
  out.probability = reader.value<float>();
  out.latency_us = reader.value<std::uint32_t>();
  out.entity_id = reader.text();
  out.reason = (flags & kHasReason) != 0 ? std::string(reader.text()) : std::string();
  const std::uint64_t count = reader.count();
  if (count > schema.names.size()) return corrupt("more features than its schema has names");
  out.features.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    out.features[i].name = schema.names[i];
    if (!read_cell(reader, out.features[i])) {
      return corrupt(fmt::format("feature {} cannot be read", schema.names[i]));
    }
  }
  if (!reader.is_good()) return corrupt("a prediction of the wrong length");
  return read_optional_fields(reader, out);
}

}  // namespace

std::size_t schema_body_size(const serving::PredictionEvent& event) noexcept {
  ByteCounter counter;
  put_schema(counter, event);
  return counter.size;
}

void write_schema_body(const serving::PredictionEvent& event, char* out) noexcept {
  ByteWriter writer{out};
  put_schema(writer, event);
}

std::size_t prediction_body_size(const serving::PredictionEvent& event) noexcept {
  ByteCounter counter;
  put_prediction(counter, event);
  return counter.size;
}

void write_prediction_body(const serving::PredictionEvent& event, char* out) noexcept {
  ByteWriter writer{out};
  put_prediction(writer, event);
}

std::uint64_t schema_hash(const serving::PredictionEvent& event) noexcept {
  const std::hash<std::string_view> hash_text;
  std::uint64_t hash = hash_text(event.model) ^ static_cast<std::uint64_t>(event.version);
  for (const std::string_view name : event.feature_names) {
    hash = std::rotl(hash * 0x9E3779B97F4A7C15ULL, 29) ^ hash_text(name);
  }
  // Zero means "no schema" to the log.
  return hash == 0 ? 1 : hash;
}

core::Result<bool> RecordDecoder::decode(std::string_view payload, LoggedPrediction& out) {
  PayloadReader reader(payload);
  const auto type = reader.value<std::uint8_t>();
  const auto number = reader.value<std::uint32_t>();
  if (!reader.is_good()) return corrupt("a record shorter than its lead");
  switch (static_cast<RecordType>(type)) {
    case RecordType::kSchema: {
      if (number != schemas_.size()) return corrupt(fmt::format("schema {} out of turn", number));
      auto schema = read_schema(reader);
      if (!schema) return std::move(schema).error();
      schemas_.push_back(*std::move(schema));
      return false;
    }
    case RecordType::kPrediction: {
      if (number >= schemas_.size()) return corrupt(fmt::format("schema {} is unknown", number));
      if (auto read = read_prediction(reader, schemas_[number], out); !read) {
        return std::move(read).error();
      }
      return true;
    }
  }
  return corrupt(fmt::format("the unknown record type {}", type));
}

}  // namespace tenure::monitoring
