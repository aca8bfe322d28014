#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/config.h"
#include "core/json.h"
#include "core/result.h"
#include "data/table.h"
#include "learn/model.h"
#include "learn/report.h"

namespace tenure::app {

/// What a campaign over labelled rows would have brought, with a band; no points without offers.
/// Errors: as profit_report.
core::Result<learn::ProfitCurve> profit_curve(const core::Config& config, const learn::Model& model,
                                              const data::Table& inputs,
                                              std::span<const std::uint8_t> labels,
                                              std::span<const learn::Model::Score> scores);

/// What a campaign over labelled rows would have brought, by the share of customers contacted, with
/// a band: {"points": [{"share", "threshold", "profit", "low", "high"}, …], "best": {…}}, profits
/// per customer. Each is contacted with the offer that section decision expects most of, and what
/// comes of it is worked out from whether they left; who may not be contacted counts as nothing.
/// Nothing without offers. Errors: those of decision::Policy::from_config.
core::Result<std::optional<core::JsonObject>> profit_report(
    const core::Config& config, const learn::Model& model, const data::Table& inputs,
    std::span<const std::uint8_t> labels, std::span<const learn::Model::Score> scores);

}  // namespace tenure::app
