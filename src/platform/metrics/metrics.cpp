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
  return checked(
      name, [&] { return Counter(prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add(labels)); });
}

Gauge Registry::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return checked(
      name, [&] { return Gauge(prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add(labels)); });
}

Histogram Registry::histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                              const Labels& labels) {
  return checked(name, [&] {
    return Histogram(prometheus::BuildHistogram().Name(name).Help(help).Register(*registry_).Add(labels, bounds));
  });
}

std::string Registry::expose() const { return prometheus::TextSerializer().Serialize(registry_->Collect()); }

const std::vector<double>& latency_bounds() {
  static const std::vector<double> bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                          0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
  return bounds;
}

}  // namespace modelops::metrics
