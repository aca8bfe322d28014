#include "learn/model_document.h"

#include <utility>

#include "learn/ubjson_reader.h"

namespace tenure::learn {

const DocumentValue* DocumentValue::find(std::string_view key) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  for (std::size_t i = 0; i < members->names.size(); ++i) {
    if (members->names[i] == key) return &members->values[i];
  }
  return nullptr;
}

const std::string* DocumentValue::text() const {
  return std::get_if<std::string>(&value);
}

const DocumentValue::Object* DocumentValue::object() const {
  return std::get_if<Object>(&value);
}

bool DocumentValue::is_empty_array() const {
  if (const auto* integers = std::get_if<Integers>(&value)) return integers->empty();
  if (const auto* numbers = std::get_if<Numbers>(&value)) return numbers->empty();
  if (const auto* values = std::get_if<Array>(&value)) return values->empty();
  return false;
}

void ArrayCollector::widen_to_numbers() {
  numbers_.reserve(integers_.size() + 1);
  for (const std::int64_t integer : integers_) numbers_.push_back(static_cast<float>(integer));
  integers_.clear();
  form_ = Form::kNumbers;
}

void ArrayCollector::widen_to_values() {
  for (const std::int64_t integer : integers_) values_.emplace_back().value = integer;
  for (const float number : numbers_) values_.emplace_back().value = number;
  integers_.clear();
  numbers_.clear();
  form_ = Form::kValues;
}

void ArrayCollector::add(DocumentValue element) {
  if (const auto* flag = std::get_if<bool>(&element.value)) {
    element.value = static_cast<std::int64_t>(*flag ? 1 : 0);
  }
  if (form_ != Form::kValues) {
    if (const auto* integer = std::get_if<std::int64_t>(&element.value)) {
      if (form_ == Form::kIntegers) {
        integers_.push_back(*integer);
      } else {
        numbers_.push_back(static_cast<float>(*integer));
      }
      return;
    }
    if (const auto* number = std::get_if<float>(&element.value)) {
      if (form_ == Form::kIntegers) widen_to_numbers();
      numbers_.push_back(*number);
      return;
    }
    widen_to_values();
  }
  values_.push_back(std::move(element));
}

DocumentValue ArrayCollector::finish() && {
  switch (form_) {
    case Form::kIntegers:
      return DocumentValue{std::move(integers_)};
    case Form::kNumbers:
      return DocumentValue{std::move(numbers_)};
    case Form::kValues:
      break;
  }
  return DocumentValue{std::move(values_)};
}

core::Result<DocumentValue> read_model_document(std::string_view bytes) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t open = bytes.find_first_not_of(kBlanks);
  if (open == std::string_view::npos) {
    return core::Error{core::ErrorCode::kCorruption, "the model file is empty"};
  }
  if (bytes[open] != '{') {
    return core::Error{core::ErrorCode::kUnimplemented,
                       "the model file is not one of XGBoost (JSON, UBJSON, binary) or LightGBM "
                       "(text)"};
  }
  const std::size_t next = bytes.find_first_not_of(kBlanks, open + 1);
  const bool is_json = next != std::string_view::npos && (bytes[next] == '"' || bytes[next] == '}');
  return is_json ? read_json_document(bytes) : read_ubjson_document(bytes.substr(open));
}

}  // namespace tenure::learn
