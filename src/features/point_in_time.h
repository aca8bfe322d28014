#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "data/engine.h"
#include "data/table.h"
#include "features/definition.h"

namespace tenure::features {

/// A view to join, under which names: Feast's `with_name` and `with_join_key_map`.
struct ViewRequest {
  const FeatureView* view = nullptr;
  std::vector<std::string> features;  ///< in output order; empty = all
  std::string alias;                  ///< name used in output columns; empty = the view's
  std::string
      entity_column;  ///< column of the entity rows holding the key; empty = the entity's key
};

struct PointInTimeOptions {
  std::string timestamp_column = "event_timestamp";
  bool is_full_names = false;           ///< columns "view__feature" instead of "feature"
  bool is_filtered_by_created = false;  ///< a row also needs created <= the entity row's time
};

struct PointInTimeResult {
  data::Table table;
  std::int64_t ties = 0;  ///< entity rows for which several source rows were equally new: the last
                          ///< in source order won
};

/// Joins each entity row with the feature values known at its time.
///
/// Input:  `entities_sql`, any query or quoted table giving key columns, the timestamp and any
/// further columns. Shapes: entities n×k; result n×(k+f): entity columns, then features grouped by
/// view in request order; rows in the
///         order of the entities, duplicates kept.
/// Rule:   newest source row with event_time <= t, and event_time >= t - ttl when ttl > 0 (both
/// inclusive); equal times
///         are decided by the created column (NULL last), then by source order. NULL keys match
///         nothing; no match gives nulls and keeps the row; a null in the chosen row stays null.
/// Errors: kInvalidArgument if a key or timestamp column is missing or output names collide;
/// kNotFound for a source. Source: feast-dev/feast, sdk/python/feast/infra/offline_stores/ (SQL
/// template; both bounds inclusive).
core::Result<PointInTimeResult> join_point_in_time(data::Engine& engine,
                                                   std::string_view entities_sql,
                                                   const Definitions& definitions,
                                                   std::span<const ViewRequest> views,
                                                   const PointInTimeOptions& options = {});

/// The requests that give a service's features in its order.
std::vector<ViewRequest> requests_for(const Definitions& definitions,
                                      const FeatureService& service);

}  // namespace tenure::features
