#include "platform/metrics/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <stdexcept>

namespace modelops::metrics {
namespace {

// prometheus-cpp reports a bad name with several exception types.
template <class Make>
auto checked(const std::string& name, Make make) {
  try {
    return make();
  } catch (const std::exception& e) {
    throw std::logic_error("metric " + name + ": " + e.what());
  }
}

auto& counters(prometheus::Registry& registry, const std::string& name, const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

auto& gauges(prometheus::Registry& registry, const std::string& name, const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

auto& histograms(prometheus::Registry& registry, const std::string& name, const std::string& help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

template <class Family, class... Arguments>
auto& removable(std::vector<std::function<void()>>& removals, Family& family, const Arguments&... arguments) {
  auto& series = family.Add(arguments...);
  removals.emplace_back([&family, &series] { family.Remove(&series); });
  return series;
}

}  // namespace

void Counter::add(double amount) const { series_->Increment(amount); }
double Counter::value() const { return series_->Value(); }
void Gauge::set(double value) const { series_->Set(value); }
void Gauge::add(double amount) const { series_->Increment(amount); }
double Gauge::value() const { return series_->Value(); }
void Histogram::observe(double value) const { series_->Observe(value); }

Registry::Registry() : registry_(std::make_unique<prometheus::Registry>()) {}
Registry::~Registry() = default;

Counter Registry::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return checked(name, [&] { return Counter(counters(*registry_, name, help).Add(labels)); });
}

Gauge Registry::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return checked(name, [&] { return Gauge(gauges(*registry_, name, help).Add(labels)); });
}

Histogram Registry::histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                              const Labels& labels) {
  return checked(name, [&] { return Histogram(histograms(*registry_, name, help).Add(labels, bounds)); });
}

std::string Registry::expose() const { return prometheus::TextSerializer().Serialize(registry_->Collect()); }

Scope::~Scope() {
  for (const auto& remove : removals_) remove();
}

Counter Scope::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return checked(name,
                 [&] { return Counter(removable(removals_, counters(*registry_->registry_, name, help), labels)); });
}

Gauge Scope::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return checked(name, [&] { return Gauge(removable(removals_, gauges(*registry_->registry_, name, help), labels)); });
}

Histogram Scope::histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                           const Labels& labels) {
  return checked(name, [&] {
    return Histogram(removable(removals_, histograms(*registry_->registry_, name, help), labels, bounds));
  });
}

const std::vector<double>& latency_bounds() {
  static const std::vector<double> bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                          0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
  return bounds;
}

}  // namespace modelops::metrics
