#include "api/validation_errors.h"

#include <fmt/format.h>

#include "net/http_message.h"

namespace tenure::api {
namespace {

constexpr std::size_t kInputMax = 1024;

}  // namespace

void ValidationErrors::add(std::string_view type, std::initializer_list<Step> location,
                           std::string_view message, std::string_view input,
                           std::string_view context) {
  add_item("body", type, location, message, input, context);
}

void ValidationErrors::add_in_query(std::string_view type, std::string_view parameter,
                                    std::string_view message, std::string_view value,
                                    std::string_view context) {
  std::string input;
  net::append_json_string(input, value);
  add_item("query", type, {parameter}, message, input, context);
}

void ValidationErrors::add_item(std::string_view part, std::string_view type,
                                std::initializer_list<Step> location, std::string_view message,
                                std::string_view input, std::string_view context) {
  if (count_ == 0) {
    for (const Step& step : location) {
      if (!first_.empty()) first_ += '.';
      first_ += step.is_index ? fmt::to_string(step.index) : std::string(step.name);
    }
    first_ += first_.empty() ? "" : ": ";
    first_ += message;
  }
  if (++count_ > kErrorsMax) return;
  if (!items_.empty()) items_ += ',';
  items_ += fmt::format("{{\"type\":\"{}\",\"loc\":[\"{}\"", type, part);
  for (const Step& step : location) {
    items_ += ',';
    if (step.is_index) {
      items_ += fmt::to_string(step.index);
    } else {
      net::append_json_string(items_, step.name);
    }
  }
  items_ += "],\"msg\":";
  net::append_json_string(items_, message);
  items_ += ",\"input\":";
  items_ += input.empty() || input.size() > kInputMax ? std::string_view("null") : input;
  if (!context.empty()) {
    items_ += ",\"ctx\":";
    items_ += context;
  }
  items_ += '}';
}

void ValidationErrors::set_invalid_json(std::size_t offset, std::string_view reason) {
  clear();
  std::string context = "{\"error\":";
  net::append_json_string(context, reason);
  context += '}';
  add("json_invalid", {offset}, "JSON decode error", "{}", context);
  first_ = fmt::format("not JSON: {} at byte {}", reason, offset);
}

void ValidationErrors::clear() {
  items_.clear();
  first_.clear();
  count_ = 0;
}

void ValidationErrors::write_to(std::string& out) const {
  out += "{\"detail\":[";
  out += items_;
  out += ']';
  if (count_ > kErrorsMax) out += fmt::format(",\"errors_not_shown\":{}", count_ - kErrorsMax);
  out += '}';
}

std::string ValidationErrors::summary() const {
  return count_ < 2 ? first_ : fmt::format("{}; and {} more", first_, count_ - 1);
}

}  // namespace tenure::api
