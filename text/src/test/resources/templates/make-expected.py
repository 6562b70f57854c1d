"""Renders every *.jinja here with every case of cases.json as Hugging Face does, into expected.json.

Run: pip install jinja2 && python make-expected.py   (last made with jinja2 3.1.6)
The environment has the settings transformers documents for chat templates: trimmed blocks, loop controls, a tojson
that escapes no HTML, raise_exception, and the generation tag, which leaves its text as it is.
"""
import json
import pathlib
from jinja2 import TemplateError, __version__, nodes
from jinja2.exceptions import UndefinedError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_text"), [], [], body).set_lineno(line)

    def _text(self, caller):
        return caller()


def raise_exception(message):
    raise TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
env.filters["tojson"] = tojson
env.globals["raise_exception"] = raise_exception
here = pathlib.Path(__file__).parent
expected = {"made_with": "jinja2 " + __version__}
for file in sorted(here.glob("*.jinja")):
    template = env.from_string(file.read_bytes().decode())
    for case in json.loads((here / "cases.json").read_text()):
        values = {"add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>", **case}
        name = values.pop("name")
        try:
            result = {"text": template.render(**values)}
        except UndefinedError as e:
            result = {"undefined": str(e)}
        except TypeError as e:
            result = {"type_error": str(e)}
        except TemplateError as e:
            result = {"raised": str(e)}
        expected.setdefault(file.stem, {})[name] = result
(here / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
