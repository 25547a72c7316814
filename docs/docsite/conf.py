# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: 2026 TidyOps contributors (@tidyops)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's configuration of the documentation site, which ``make docs`` builds."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

project = "tidyops.datadog"
author = "TidyOps contributors (@tidyops)"
project_copyright = f"2026 {author}"

extensions = ["sphinx_antsibull_ext"]
nitpicky = True
highlight_language = "YAML+Jinja"
pygments_style = "ansible"

html_theme = "sphinx_ansible_theme"
html_title = "Datadog for Ansible"
html_short_title = html_title
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {
    "documentation_home_url": "https://github.com/tidyops/ansible-collection-datadog",
    "topbar_links": {
        "Repository": "https://github.com/tidyops/ansible-collection-datadog",
        "Issues": "https://github.com/tidyops/ansible-collection-datadog/issues",
        "Ansible": "https://docs.ansible.com",
    },
}

SOURCE = "https://github.com/tidyops/ansible-collection-datadog/blob/main"

# What generated pages refer to in Ansible's own documentation, instead of an inventory from the network.
ANSIBLE_PAGES = {
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def link_to_ansible(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.reference | None:
    """Resolve a reference to one of these pages."""
    page = ANSIBLE_PAGES.get(node["reftarget"])
    if page is None:
        return None
    address = f"https://docs.ansible.com/ansible/latest/{page}"
    return nodes.reference("", "", content, internal=False, refuri=address)


def arrange(app: Sphinx, docname: str, source: list[str]) -> None:
    """Fill in index.rst, beside this file, with the sections of guides and the modules that antsibull-docs generated."""
    if docname == "environment_variables":
        # It is listed after the modules, so it is not an orphan.
        source[0] = source[0].replace(":orphan:", "")
    if docname != "index":
        return
    sections = re.findall(
        r"^(.+)\n-+\n\n\.\. toctree::\n.*\n\n((?: +docsite/.*\n)+)", source[0], re.M
    )
    guides = "\n".join(
        f".. toctree::\n    :caption: {title}\n    :maxdepth: 1\n\n{pages}"
        for title, pages in sections
    )
    modules = re.findall(r"^\* :ansplugin:.*$", source[0], re.M)
    names = [re.findall(r"tidyops\.datadog\.(\w+)#module", module)[0] for module in modules]
    # In the sidebar, the titles of the modules' pages would take three lines each.
    pages = "\n".join(f"   {name} <{name}_module>" for name in names)
    first_page = Path(__file__).parent / "index.rst"
    # Otherwise Sphinx does not read the page again when only this file has changed.
    app.env.note_dependency(str(first_page))
    page = first_page.read_text(encoding="utf-8")
    for marker, text in (("<sections>", guides), ("<modules>", "\n".join(modules)), ("   <pages>", pages)):
        page = page.replace(marker, text)
    source[0] = page


def link_to_source(
    _app: Sphinx, pagename: str, _template: str, context: dict[str, t.Any], _doctree: nodes.document
) -> None:
    """Let each page link to what it was made of."""
    context["display_github"] = True
    folder, _slash, name = pagename.rpartition("/")
    file = "docs/docsite/index.rst"
    if folder == "docsite":
        file = f"docs/docsite/rst/{name}.rst"
    elif name.endswith("_module"):
        file = f"plugins/modules/{name[: -len('_module')]}.py"
    elif name == "changelog":
        file = "changelogs/changelog.yaml"
    context["meta"] = {**(context.get("meta") or {}), "github_url": f"{SOURCE}/{file}"}


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", link_to_ansible)
    app.connect("source-read", arrange)
    app.connect("html-page-context", link_to_source)
