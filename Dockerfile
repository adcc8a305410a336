# docker build -t fedmech . && docker run --rm -v "$PWD:/work" fedmech solve m.market.json
FROM python:3.11-slim
COPY . /src
RUN pip install --no-cache-dir -c /src/constraints.txt '/src[fast,plot,prices,tables]' && rm -rf /src \
    && useradd --create-home reader
USER reader
WORKDIR /work
ENTRYPOINT ["fedmech"]
