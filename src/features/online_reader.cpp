#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "core/assert.h"
#include "features/entity_key.h"
#include "features/online_row.h"
#include "features/online_store.h"

namespace tenure::features {

using core::Error;
using core::ErrorCode;
using core::Result;

Result<OnlineReader> OnlineReader::make(storage::KvStore& store, const Definitions& definitions,
                                        const FeatureService& service) {
  OnlineReader reader;
  reader.store_ = &store;
  reader.feature_count_ = service.features.size();
  std::string_view entity;
  for (std::size_t i = 0; i < service.features.size(); ++i) {
    const FeatureRef& ref = service.features[i];
    const auto fail = [&](std::string_view reason) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("feature service {}: view {} {}", service.name, ref.view, reason)};
    };
    const FeatureView* view = definitions.view(ref.view);
    if (view == nullptr) return fail("does not exist");
    if (!view->is_online) return fail("is not online");
    if (i == 0) {
      const Entity& described = definitions.entity_of(*view);
      entity = described.name;
      reader.join_column_ = described.key;
      reader.key_type_ = described.key_type;
    }
    if (view->entity != entity) return fail(fmt::format("does not describe entity {}", entity));
    auto plan = std::find_if(reader.views_.begin(), reader.views_.end(),
                             [&](const ViewPlan& known) { return known.name == view->name; });
    if (plan == reader.views_.end()) {
      auto parts = online_key_parts(definitions.project, view->name, schema_fingerprint(*view));
      if (!parts) return std::move(parts).error();
      plan = reader.views_.insert(plan, {view->name,
                                         std::move(*parts),
                                         view->ttl,
                                         schema_fingerprint(*view),
                                         view->features.size(),
                                         {}});
    }
    const auto feature = std::find_if(view->features.begin(), view->features.end(),
                                      [&](const Feature& one) { return one.name == ref.feature; });
    if (feature == view->features.end()) return fail("has no feature " + ref.feature);
    plan->slots.push_back({i, static_cast<std::size_t>(feature - view->features.begin())});
  }
  std::sort(reader.views_.begin(), reader.views_.end(), [](const ViewPlan& a, const ViewPlan& b) {
    return a.key_parts.after < b.key_parts.after;
  });
  return reader;
}

// A text that is no integer cannot be the id of an integer entity: it gets no key and stays
// unknown.
void OnlineReader::append_keys(std::string_view entity_key, std::size_t entity,
                               Scratch& scratch) const {
  std::optional<std::int64_t> integer;
  if (key_type_ == data::ColumnType::kInteger) {
    integer = parse_integer_key(entity_key);
    if (!integer) return;
  }
  scratch.entity_key.clear();
  if (integer) {
    append_entity_key(join_column_, *integer, scratch.entity_key);
  } else {
    append_entity_key(join_column_, entity_key, scratch.entity_key);
  }
  for (std::size_t v = 0; v < views_.size(); ++v) {
    scratch.offsets.push_back(scratch.bytes.size());
    scratch.places.push_back(entity * views_.size() + v);
    append_online_key(views_[v].key_parts, scratch.entity_key, scratch.bytes);
  }
}

Result<> OnlineReader::read_row(const ViewPlan& view, std::string_view entity_key,
                                std::string_view bytes, core::Micros now, Scratch& scratch,
                                std::span<data::Cell> cells, EntityInfo& info) const {
  auto row = OnlineRow::parse(bytes);
  if (!row) return std::move(row).error().within("feature view " + view.name);
  if (!row->full_key().empty()) {
    std::string full;
    append_entity_key(join_column_, entity_key, full);
    if (full != row->full_key()) {
      return Error{
          ErrorCode::kCorruption,
          fmt::format("feature view {}: a row lies under the key of another entity", view.name)};
    }
  }
  const OnlineRowHeader& header = row->header();
  if (header.schema != view.schema) return {};
  if (row->feature_count() != view.feature_count) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("feature view {}: a row has {} values, but the view {} features",
                             view.name, row->feature_count(), view.feature_count)};
  }
  info.oldest = info.is_found ? std::min(info.oldest, header.event_time) : header.event_time;
  info.is_found = true;
  scratch.cells.resize(view.feature_count);
  if (auto decoded = row->decode(scratch.cells); !decoded) {
    return std::move(decoded).error().within("feature view " + view.name);
  }
  const bool is_expired = view.ttl > 0 && header.event_time < now - view.ttl;
  if (is_expired) return {};
  for (const Slot& slot : view.slots) cells[slot.feature] = scratch.cells[slot.position];
  return {};
}

Result<> OnlineReader::read(std::span<const std::string_view> entity_keys, core::Micros now,
                            Scratch& scratch, std::span<data::Cell> cells,
                            std::span<EntityInfo> info) const {
  TENURE_ASSERT(cells.size() == entity_keys.size() * feature_count_);
  TENURE_ASSERT(info.size() == entity_keys.size());
  std::fill(cells.begin(), cells.end(), data::Cell::null());
  std::fill(info.begin(), info.end(), EntityInfo{});
  scratch.bytes.clear();
  scratch.values.clear();
  scratch.keys.clear();
  scratch.offsets.clear();
  scratch.places.clear();
  scratch.rows.assign(entity_keys.size() * views_.size(), {});
  for (std::size_t i = 0; i < entity_keys.size(); ++i) append_keys(entity_keys[i], i, scratch);
  // Only now: the bytes no longer move.
  const std::string_view bytes = scratch.bytes;
  for (std::size_t k = 0; k < scratch.offsets.size(); ++k) {
    const std::size_t begin = scratch.offsets[k];
    const std::size_t end = k + 1 < scratch.offsets.size() ? scratch.offsets[k + 1] : bytes.size();
    scratch.keys.push_back(bytes.substr(begin, end - begin));
  }
  if (scratch.keys.empty()) return {};

  // One captured pointer fits into a std::function without allocation.
  Scratch* const target = &scratch;
  auto got =
      store_->get(scratch.keys, [target](std::size_t index, std::optional<std::string_view> value) {
        if (!value) return;
        target->rows[target->places[index]] = {target->values.size(), value->size(), true};
        target->values += *value;
      });
  if (!got) return got;

  const std::string_view values = scratch.values;
  for (std::size_t i = 0; i < entity_keys.size(); ++i) {
    const auto entity_cells = cells.subspan(i * feature_count_, feature_count_);
    for (std::size_t v = 0; v < views_.size(); ++v) {
      const Scratch::Span& row = scratch.rows[i * views_.size() + v];
      if (!row.is_found) continue;
      auto read = read_row(views_[v], entity_keys[i], values.substr(row.begin, row.size), now,
                           scratch, entity_cells, info[i]);
      if (!read) return read;
    }
  }
  return {};
}

}  // namespace tenure::features
