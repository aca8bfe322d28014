#include "api/served_model.h"

#include <algorithm>
#include <charconv>
#include <string>

#include <fmt/format.h>

namespace tenure::api {
namespace {

LiveModel live_model(const ServedModel& model, serving::SnapshotCache& cache) {
  return {.predictor = &model.predictor,
          .watcher = &model.watcher,
          .statistics = model.statistics.get(),
          .traffic = nullptr,
          .snapshot = model.predictor.snapshot(cache),
          .shared = {}};
}

std::string names_of(const Services& services) {
  std::string names = services.model;
  for (const ServedModel& other : services.others) names += ", " + other.name;
  return names;
}

core::Result<LiveModel> choose_version(LiveModel live, LiveCache& cache, std::string_view name,
                                       std::string_view version) {
  if (live.snapshot == nullptr) {
    const std::string reason = live.watcher->status().last_error;
    return core::Error{core::ErrorCode::kUnavailable,
                       fmt::format("Model with name {} is not ready{}{}", name,
                                   reason.empty() ? "" : ": ", reason)};
  }
  if (version.empty()) return live;
  serving::Traffic* const traffic = live.traffic;
  live.traffic = nullptr;  // who names a version gets it and no other
  if (version == std::to_string(live.snapshot->version)) return live;
  if (traffic != nullptr) {
    if (auto arm = traffic->find_version(version)) {
      cache.named = std::move(arm->snapshot);
      live.predictor = arm->predictor;
      live.snapshot = cache.named.get();
      return live;
    }
  }
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("Model {} has no version {} here; version {} is live", name,
                                 version, live.snapshot->version)};
}

}  // namespace

void LiveModel::predict(std::span<const serving::PredictRow> rows,
                        serving::Traffic::Scratch& scratch, std::span<serving::Prediction> out,
                        serving::PredictOptions options) const {
  if (traffic != nullptr) return traffic->predict(*snapshot, rows, scratch, out, options);
  predictor->predict(*snapshot, rows, scratch.champion(), out, options);
}

LiveModel main_model(const Services& services, LiveCache& cache) {
  return {.predictor = &services.predictor,
          .watcher = &services.watcher,
          .statistics = services.inference_statistics.get(),
          .traffic = services.traffic,
          .snapshot = services.predictor.snapshot(cache.of(0)),
          .shared = {}};
}

std::vector<ServedModel> all_models(const Services& services) {
  std::vector<ServedModel> models = {
      {services.model, services.predictor, services.watcher, services.inference_statistics}};
  for (const ServedModel& other : services.others) models.push_back(other);
  return models;
}

core::Result<LiveModel> find_model(const Services& services, LiveCache& cache,
                                   std::string_view name, std::string_view version) {
  // A name without '%' needs no copy.
  std::string decoded;
  if (name.find('%') != std::string_view::npos) {
    decoded = net::percent_decode(name).value_or(std::string(name));
    name = decoded;
  }
  if (name == services.model)
    return choose_version(main_model(services, cache), cache, name, version);
  const auto other = std::ranges::find(services.others, name, &ServedModel::name);
  if (other == services.others.end())
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("Model with name {} does not exist; this server has {}", name,
                                   names_of(services))};
  const auto place = static_cast<std::size_t>(other - services.others.begin()) + 1;
  return choose_version(live_model(*other, cache.of(place)), cache, name, version);
}

core::Result<LiveModel> find_model_held(const Services& services, std::string_view name,
                                        std::string_view version) {
  LiveCache cache;
  auto live = find_model(services, cache, name, version);
  if (!live) return live;
  // A champion's cache is in a vector of this cache; an arm's is held by name.
  live->shared = cache.named ? std::move(cache.named) : cache.hold(live->snapshot);
  return live;
}

core::Result<LiveModel> asked_model(const Services& services, LiveCache& cache,
                                    const net::Request& request) {
  if (request.query.empty()) return main_model(services, cache);
  const auto name = request.query_parameter("model");
  if (!name || *name == services.model) return main_model(services, cache);
  return find_model(services, cache, *name, {});
}

void add_variant_headers(std::span<const serving::Prediction> predictions,
                         net::Response& response) {
  if (predictions.empty() || predictions.front().variant.empty()) return;
  const serving::Prediction& first = predictions.front();
  const bool is_one = std::ranges::all_of(predictions, [&](const serving::Prediction& one) {
    return one.snapshot == first.snapshot && one.variant == first.variant;
  });
  if (!is_one) return;
  char digits[24];
  const auto* const end =
      std::to_chars(digits, digits + sizeof digits, first.snapshot->version).ptr;
  // All four texts fit their strings without asking the heap.
  response.headers.emplace_back("X-Model-Version",
                                std::string_view(digits, static_cast<std::size_t>(end - digits)));
  response.headers.emplace_back("X-Variant", first.variant);
}

void append_variants(std::string& out, std::span<const serving::Prediction> predictions) {
  if (predictions.empty() || predictions.front().variant.empty()) return;
  out += fmt::format(",\"model_versions\":[{}", predictions.front().snapshot->version);
  for (const serving::Prediction& one : predictions.subspan(1))
    out += fmt::format(",{}", one.snapshot->version);
  out += fmt::format("],\"variants\":[\"{}\"", predictions.front().variant);
  for (const serving::Prediction& one : predictions.subspan(1))
    out += fmt::format(",\"{}\"", one.variant);
  out += ']';
}

}  // namespace tenure::api
