#include "api/idempotency/answer_memory.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/json.h"

namespace tenure::api {
namespace {

/// Two entries for each answer: "a" + key holds it, "t" + time + key says how old and how large it
/// is, in the order in which answers grow old.
std::string answer_key(std::string_view key) {
  return "a" + std::string(key);
}
constexpr std::size_t kTimeDigits = 20;
std::string time_key(core::Micros time, std::string_view key) {
  return fmt::format("t{:020}{}", std::max<core::Micros>(time, 0), key);
}

/// {"fingerprint", "status", "content_type", "headers", "time"}, a line feed, the body.
std::string encode(const KeptAnswer& answer, core::Micros time) {
  core::JsonArray headers;
  for (const auto& [name, value] : answer.headers)
    headers.push_back(core::JsonArray{core::Json(name), core::Json(value)});
  core::JsonObject lead;
  lead["fingerprint"] = answer.fingerprint;
  lead["status"] = answer.status;
  lead["content_type"] = answer.content_type;
  lead["headers"] = std::move(headers);
  lead["time"] = time;
  return core::to_text(lead) + '\n' + answer.body;
}

struct Decoded {
  KeptAnswer answer;
  core::Micros time = 0;
};

core::Result<Decoded> decode(std::string_view bytes) {
  const core::Error damaged{core::ErrorCode::kCorruption, "a kept answer cannot be read"};
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) return damaged;
  const auto lead = core::parse_json(bytes.substr(0, end));
  if (!lead) return damaged;
  auto fingerprint = core::json_text(*lead, "fingerprint");
  const auto status = core::json_integer(*lead, "status");
  auto content_type = core::json_text(*lead, "content_type");
  const auto headers = core::json_array(*lead, "headers");
  const auto time = core::json_integer(*lead, "time");
  if (!fingerprint || !status || !content_type || !headers || !time) return damaged;
  Decoded out;
  out.answer.fingerprint = *std::move(fingerprint);
  out.answer.status = static_cast<int>(*status);
  out.answer.content_type = *std::move(content_type);
  for (const core::Json& header : **headers) {
    if (!header.is_array() || header.as_array().size() != 2 || !header.as_array()[0].is_string() ||
        !header.as_array()[1].is_string())
      return damaged;
    out.answer.headers.emplace_back(std::string(header.as_array()[0].as_string()),
                                    std::string(header.as_array()[1].as_string()));
  }
  out.answer.body = bytes.substr(end + 1);
  out.time = *time;
  return out;
}

}  // namespace

AnswerMemory::AnswerMemory(Open open, const core::Clock& clock, core::MetricRegistry& metrics,
                           Options options)
    : open_(std::move(open)),
      clock_(clock),
      options_(options),
      replays_(metrics.counter("tenure_idempotent_replays_total",
                               "Requests answered with what an earlier one with the same "
                               "Idempotency-Key was answered.")),
      failures_(metrics.counter("tenure_idempotency_failures_total",
                                "Answers that could not be kept for their Idempotency-Key.")) {}

AnswerMemory::~AnswerMemory() = default;

core::Result<storage::KvStore*> AnswerMemory::store() {
  const std::lock_guard guard(mutex_);
  if (!store_) {
    auto opened = open_();
    if (!opened) return std::move(opened).error();
    store_ = *std::move(opened);
  }
  return store_.get();
}

core::Result<AnswerMemory::Found> AnswerMemory::find(std::string_view key,
                                                     std::string_view fingerprint) {
  const auto open = store();
  if (!open)
    return core::Error{core::ErrorCode::kUnavailable, "Idempotency-Key: " + open.error().message};
  {
    const std::lock_guard guard(mutex_);
    if (!in_flight_.emplace(key).second)
      return core::Error{core::ErrorCode::kConflict,
                         "A request with this Idempotency-Key is being worked on"};
  }
  Found found;
  found.claim.emplace(*this, std::string(key));
  const auto bytes = (*open)->get(answer_key(key));
  if (!bytes)
    return core::Error{core::ErrorCode::kUnavailable, "Idempotency-Key: " + bytes.error().message};
  if (!bytes->has_value()) return found;
  auto kept = decode(**bytes);
  // What cannot be read or is too old is as good as nothing, and will be written over.
  if (!kept || clock_.now() - kept->time >= options_.keep) return found;
  if (kept->answer.fingerprint != fingerprint)
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "This Idempotency-Key was used for another request"};
  replays_.add();
  found.claim.reset();
  found.answer = std::move(kept->answer);
  return found;
}

AnswerMemory::Claim::~Claim() {
  if (memory_ == nullptr) return;
  const std::lock_guard guard(memory_->mutex_);
  memory_->in_flight_.erase(key_);
}

core::Result<> AnswerMemory::Claim::keep(const KeptAnswer& answer) {
  auto kept = memory_->keep(key_, answer);
  if (!kept) memory_->failures_.add();
  return kept;
}

core::Result<> AnswerMemory::keep(std::string_view key, const KeptAnswer& answer) {
  const auto open = store();
  if (!open) return open.error();
  const core::Micros now = clock_.now();
  const std::string name = answer_key(key);
  const std::string value = encode(answer, now);
  const std::string time_name = time_key(now, key);
  const std::string size = fmt::to_string(value.size());
  const std::array entries{storage::KvEntry{name, value}, storage::KvEntry{time_name, size}};
  if (auto put = (*open)->put(entries); !put) return put;
  {
    const std::lock_guard guard(mutex_);
    ++kept_since_purge_;
    bytes_since_purge_ += value.size();
    if (kept_since_purge_ < kPurgeEvery && bytes_since_purge_ < options_.bytes_max / 8) return {};
    kept_since_purge_ = bytes_since_purge_ = 0;
  }
  return purge(**open);
}

/// Removes what is too old, then the oldest until the rest is within the bounds.
core::Result<> AnswerMemory::purge(storage::KvStore& store) {
  struct Entry {
    core::Micros time = 0;
    std::string key;
    std::uint64_t size = 0;
  };
  std::vector<Entry> entries;
  std::uint64_t bytes = 0;
  auto scanned = store.scan("t", [&](storage::KvEntry entry) {
    Entry& one = entries.emplace_back();
    const std::string time(entry.key.substr(1, kTimeDigits));
    one.time = std::strtoll(time.c_str(), nullptr, 10);
    one.key = entry.key.substr(std::min(entry.key.size(), 1 + kTimeDigits));
    one.size = std::strtoull(std::string(entry.value).c_str(), nullptr, 10);
    bytes += one.size;
    return true;
  });
  if (!scanned) return scanned;
  const core::Micros oldest = clock_.now() - options_.keep;
  std::uint64_t left = entries.size();
  std::vector<std::string> names;
  for (const Entry& entry : entries) {
    if (entry.time > oldest && left <= options_.entries_max && bytes <= options_.bytes_max) break;
    names.push_back(time_key(entry.time, entry.key));
    // The key may have been used anew since; then only the older of its two times goes.
    const auto kept = store.get(answer_key(entry.key));
    if (!kept) return kept.error();
    const auto decoded = kept->has_value() ? decode(**kept) : core::Result<Decoded>(Decoded{});
    if (!decoded || decoded->time <= entry.time) names.push_back(answer_key(entry.key));
    --left;
    bytes -= entry.size;
  }
  if (names.empty()) return {};
  const std::vector<std::string_view> views(names.begin(), names.end());
  return store.erase(views);
}

}  // namespace tenure::api
