"""The card of a saved model, a Jinja template as the hub's mixin fills it."""

CARD = """---
{{ card_data }}
---

# {{ config.name }}

The model `{{ config.name }}` of the Python package geometric-hyena, {{ parameters }} parameters.

```python
from geometric_hyena.hub import PretrainedModel

model = PretrainedModel.from_pretrained("{{ source | default('PATH_OR_USER/NAME', true) }}")
```

It was made with:

| option | value |
|---|---|
{% for option, value in config.items() | sort -%}
| {{ option }} | {{ value }} |
{% endfor %}
{{ details }}
"""
