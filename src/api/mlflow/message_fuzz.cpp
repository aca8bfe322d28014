// libFuzzer target: any bytes as the body of an MLflow request, or as its query, are fields or an
// error, whatever type is asked of them. Seeds: corpus/message.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/mlflow/batch.h"
#include "api/mlflow/message.h"

namespace {

using tenure::api::mlflow::Message;

/// Every field as everything it might be.
void read_all(const Message& message, int depth) {
  for (const auto& field : message.fields()) {
    const std::string_view name(field.key().data(), field.key().size());
    if (!message.has(name) && !field.value().is_null()) __builtin_trap();
    (void)message.required_text(name);
    (void)message.integer(name);
    (void)message.required_number(name);
    (void)message.boolean(name, false);
    (void)message.texts(name);
    (void)message.pairs(name);
    auto items = message.objects(name);
    if (!items || depth == 0) continue;
    for (const Message& item : *items) read_all(item, depth - 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  tenure::net::Request request;
  request.query = bytes;
  if (auto message = Message::read(request, {"run_ids"})) read_all(*message, 2);
  request.method = tenure::net::Method::kPatch;
  request.query = {};
  request.body = bytes;
  if (auto message = Message::read(request)) {
    read_all(*message, 2);
    (void)tenure::api::mlflow::read_batch(*message);
  }
  return 0;
}
